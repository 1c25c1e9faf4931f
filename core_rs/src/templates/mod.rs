//! Plate formats as evidence: what a region's plates can be weighs beside what the reader saw, and never overrules it
//! unless the caller says that it must (`region_strict`).

pub mod guide;
pub mod lookalikes;
pub mod pattern;
pub mod rank;
pub mod symbols;
pub mod table;
pub mod text_formats;

/// Reads the compiled-in tables, once a process. They are read when they are first needed otherwise.
pub fn prepare() {
    let _ = (table::compiled(), lookalikes::compiled());
}
