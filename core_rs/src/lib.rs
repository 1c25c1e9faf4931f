//! Platehost's recognition core. It knows images and model packs; it has never heard of HTTP, Redis or an API's words.

pub mod classes;
pub mod ctc;
pub mod deadline;
pub mod decode;
pub mod detect;
pub mod dscore;
pub mod error;
pub mod evidence;
pub mod geometry;
mod jpeg;
pub mod letterbox;
pub mod logistic;
pub mod manifest;
pub mod nms;
pub mod options;
pub mod pack;
pub mod pipeline;
pub mod provider;
pub mod read;
pub mod rectify;
pub mod session;
pub mod slots;
pub mod templates;
pub mod tensor;
pub mod tie;
pub mod timing;

#[cfg(feature = "python")]
mod python;
