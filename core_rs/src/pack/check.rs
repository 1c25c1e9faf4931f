//! What every model of a pack is checked for, and how a fault is worded.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{MANIFEST, StageDescription};
use crate::error::{CoreError, Result};
use crate::manifest::{Fit, InputSpec, Layout};
use crate::provider::Placement;
use crate::session::{Declared, Model, is_f32, takes};
use crate::tensor::InputTensor;

/// Words an error with the file and the field that it is about.
pub(super) struct Blame {
    pub stage: &'static str,
    pub file: PathBuf,
}

impl Blame {
    pub fn manifest(folder: &Path, stage: &'static str) -> Self {
        Self { stage, file: folder.join(MANIFEST) }
    }

    pub fn on(&self, field: &str, reason: impl std::fmt::Display) -> CoreError {
        CoreError::Pack(format!("{}: {}.{field}: {reason}", self.file.display(), self.stage))
    }

    pub fn on_spec(&self, fault: Option<String>) -> Result<()> {
        match fault {
            Some(text) => Err(CoreError::Pack(format!("{}: {}.{text}", self.file.display(), self.stage))),
            None => Ok(()),
        }
    }
}

pub(super) fn load_model(
    folder: &Path,
    stage: &'static str,
    (file, sha256): (&str, &str),
    input: &InputSpec,
    placement: &Placement,
) -> Result<(Blame, Model, u64)> {
    let in_manifest = Blame::manifest(folder, stage);
    in_manifest.on_spec(input.fault())?;
    // A pack is self-contained: a path could reach any file of the machine.
    if Path::new(file).components().count() != 1 || Path::new(file).file_name().is_none() {
        return Err(in_manifest.on("file", format!("{file:?} must be a bare file name inside the pack")));
    }
    let blame = Blame { stage, file: folder.join(file) };
    let bytes = std::fs::read(&blame.file).map_err(|error| blame.on("file", format!("cannot be read ({error})")))?;
    let hash = hex(&Sha256::digest(&bytes));
    if !hash.eq_ignore_ascii_case(sha256) {
        return Err(blame.on("sha256", format!("the file hashes to {hash}, the manifest says {sha256}")));
    }
    let model = Model::load(&bytes, placement).map_err(|reason| blame.on("file", reason))?;
    if !takes(&model.input, input.dtype) {
        return Err(blame.on(
            "input.dtype",
            format!("the model takes {:?}, the manifest says {:?}", model.input.dtype, input.dtype),
        ));
    }
    check_input(&blame, &model.input, input)?;
    Ok((blame, model, bytes.len() as u64))
}

/// Most pictures that a model of a fixed batch may take: each is computed, wanted or not.
const MAX_FIXED_BATCH: i64 = 64;

fn check_input(blame: &Blame, declared: &Declared, spec: &InputSpec) -> Result<()> {
    if declared.shape.first().is_some_and(|&n| n >= 0 && !(1..=MAX_FIXED_BATCH).contains(&n)) {
        let found = declared.shape[0];
        return Err(blame.on("input", format!("a fixed batch of {found} is not within 1 to {MAX_FIXED_BATCH}")));
    }
    let channels = spec.channels() as i64;
    let (width, height) = match spec.fit {
        Fit::LetterboxDynamic => (-1, -1),
        Fit::Letterbox | Fit::Stretch => (i64::from(spec.width), i64::from(spec.height)),
    };
    let wanted = match spec.layout {
        Layout::Nchw => [-1, channels, height, width],
        Layout::Nhwc => [-1, height, width, channels],
    };
    if fits(&declared.shape, &wanted) && (spec.fit != Fit::LetterboxDynamic || varies(declared, spec.layout)) {
        return Ok(());
    }
    Err(blame.on(
        "input",
        format!("the model takes the shape {:?}, the manifest says {wanted:?} (-1 varies)", declared.shape),
    ))
}

fn varies(declared: &Declared, layout: Layout) -> bool {
    let sides = match layout {
        Layout::Nchw => [2, 3],
        Layout::Nhwc => [1, 2],
    };
    sides.iter().all(|&side| declared.shape[side] < 0)
}

/// Same rank, and equal wherever both are fixed.
fn fits(shape: &[i64], wanted: &[i64]) -> bool {
    shape.len() == wanted.len() && shape.iter().zip(wanted).all(|(&a, &b)| a < 0 || b < 0 || a == b)
}

pub(super) fn check_output(blame: &Blame, model: &Model, field: &str, name: &str, wanted: &[i64]) -> Result<()> {
    let names = || model.outputs.iter().map(|o| o.name.as_str()).collect::<Vec<_>>().join(", ");
    let output = model.outputs.iter().find(|output| output.name == name).ok_or_else(|| {
        blame.on(&format!("{field}.name"), format!("the model has no output {name:?}, it has {}", names()))
    })?;
    if !is_f32(output) {
        return Err(blame.on(field, format!("the model gives {:?}, it must give f32", output.dtype)));
    }
    // A model may leave its output's rank open; the trial run below still tells.
    if output.shape.is_empty() || fits(&output.shape, wanted) {
        return Ok(());
    }
    Err(blame.on(
        field,
        format!("the model gives the shape {:?}, its kind and the manifest make {wanted:?} (-1 varies)", output.shape),
    ))
}

pub(super) fn grey(spec: &InputSpec, model: &Model, height: u32, width: u32) -> InputTensor {
    let batch = model.fixed_batch().unwrap_or(1);
    let mut tensor = InputTensor::new(spec, batch, height as usize, width as usize);
    for n in 0..batch {
        tensor.pad(n, spec.pad);
    }
    tensor
}

pub(super) fn describe(
    stage: &'static str,
    (file, sha256): (&str, &str),
    size: u64,
    kind: &'static str,
    model: &Model,
) -> StageDescription {
    StageDescription {
        stage,
        file: file.to_owned(),
        sha256: sha256.to_ascii_lowercase(),
        size,
        kind,
        input_shape: model.input.shape.clone(),
        outputs: model.outputs.iter().map(|o| (o.name.clone(), o.shape.clone())).collect(),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
