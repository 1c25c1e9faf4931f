//! A model pack: a folder with `manifest.toml` and the models that it names, verified when loaded.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::detect;
use crate::error::{CoreError, Result};
use crate::letterbox::Frame;
use crate::manifest::{DetectorKind, DetectorSpec, Fit, InputSpec, Layout, Manifest, ReaderSpec};
use crate::options::Options;
use crate::read;
use crate::session::{Declared, Model, is_f32, takes};
use crate::tensor::InputTensor;

pub const MANIFEST: &str = "manifest.toml";

/// What a verified pack is.
#[derive(Debug, Clone)]
pub struct Description {
    pub name: String,
    pub version: String,
    pub licence: String,
    pub provenance: String,
    pub stages: Vec<StageDescription>,
}

#[derive(Debug, Clone)]
pub struct StageDescription {
    pub stage: &'static str,
    pub file: String,
    pub sha256: String,
    /// Bytes of the file.
    pub size: u64,
    pub kind: &'static str,
    /// -1 is a dimension that varies.
    pub input_shape: Vec<i64>,
    pub outputs: Vec<(String, Vec<i64>)>,
}

/// A pack whose models are loaded.
pub struct Pack {
    pub description: Description,
    pub detector: Stage<DetectorSpec>,
    pub reader: Stage<ReaderSpec>,
}

pub struct Stage<S> {
    pub spec: S,
    pub model: Model,
}

/// Loads and verifies: hashes, kinds, shapes, number types; then runs each model once on grey.
pub fn load(folder: &Path, intra_threads: usize) -> Result<Pack> {
    let manifest = read_manifest(folder)?;
    let Manifest { pack, plate_detector, plate_reader } = manifest;
    let (detector, first) = load_detector(folder, plate_detector, intra_threads)?;
    let (reader, second) = load_reader(folder, plate_reader, intra_threads)?;
    Ok(Pack {
        description: Description {
            name: pack.name,
            version: pack.version,
            licence: pack.licence,
            provenance: pack.provenance,
            stages: vec![first, second],
        },
        detector,
        reader,
    })
}

fn read_manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join(MANIFEST);
    let fault = |text: String| CoreError::Pack(format!("{}: {text}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| fault(format!("cannot be read ({error})")))?;
    let document = toml::Deserializer::parse(&text).map_err(|error| fault(error.to_string()))?;
    serde_path_to_error::deserialize::<_, Manifest>(document).map_err(|error| {
        let field = error.path().to_string();
        let reason = error.inner().message();
        fault(if field == "." { reason.to_owned() } else { format!("{field}: {reason}") })
    })
}

/// Words an error with the file and the field that it is about.
struct Blame {
    stage: &'static str,
    file: PathBuf,
}

impl Blame {
    fn on(&self, field: &str, reason: impl std::fmt::Display) -> CoreError {
        CoreError::Pack(format!("{}: {}.{field}: {reason}", self.file.display(), self.stage))
    }

    fn on_spec(&self, fault: Option<String>) -> Result<()> {
        match fault {
            Some(text) => Err(CoreError::Pack(format!("{}: {}.{text}", self.file.display(), self.stage))),
            None => Ok(()),
        }
    }
}

fn load_model(
    folder: &Path,
    stage: &'static str,
    (file, sha256): (&str, &str),
    input: &InputSpec,
    intra_threads: usize,
) -> Result<(Blame, Model, u64)> {
    let in_manifest = Blame { stage, file: folder.join(MANIFEST) };
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
    let model = Model::load(&bytes, intra_threads).map_err(|reason| blame.on("file", reason))?;
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

fn check_output(blame: &Blame, model: &Model, field: &str, name: &str, wanted: &[i64]) -> Result<()> {
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

fn load_detector(
    folder: &Path,
    spec: DetectorSpec,
    intra_threads: usize,
) -> Result<(Stage<DetectorSpec>, StageDescription)> {
    let stage = "plate_detector";
    let in_manifest = Blame { stage, file: folder.join(MANIFEST) };
    if spec.input.fit == Fit::Stretch {
        return Err(in_manifest.on("input.fit", "a detector takes letterbox or letterbox-dynamic"));
    }
    if spec.output.strides.is_empty() || spec.output.strides.contains(&0) || spec.output.classes == 0 {
        return Err(in_manifest.on("output", "strides and classes must be at least 1"));
    }
    let (blame, model, size) = load_model(folder, stage, (&spec.file, &spec.sha256), &spec.input, intra_threads)?;
    let last = detect::row_length(spec.kind, &spec.output) as i64;
    let wanted: &[i64] = match spec.kind {
        DetectorKind::YoloEnd2end => &[-1, last],
        _ => &[-1, -1, last],
    };
    check_output(&blame, &model, "output", &spec.output.name, wanted)?;

    let frame = Frame::plan(&spec.input, 64, 48);
    let tensor = grey(&spec.input, &model, frame.input_height, frame.input_width);
    let trial = model.run(&tensor, &[&spec.output.name]).and_then(|outputs| {
        detect::detections(spec.kind, &spec.output, &outputs[0], &vec![frame; tensor.batch], &vec![2.0; tensor.batch])
    });
    trial.map_err(|error| blame.on("output", error))?;
    let description = describe(stage, (&spec.file, &spec.sha256), size, spec.kind.name(), &model);
    Ok((Stage { spec, model }, description))
}

fn load_reader(folder: &Path, spec: ReaderSpec, intra_threads: usize) -> Result<(Stage<ReaderSpec>, StageDescription)> {
    let stage = "plate_reader";
    let in_manifest = Blame { stage, file: folder.join(MANIFEST) };
    if spec.input.fit != Fit::Stretch {
        return Err(in_manifest.on("input.fit", "a reader takes stretch"));
    }
    in_manifest.on_spec(spec.output.fault(spec.kind))?;
    let margins = [spec.crop.margin_x, spec.crop.margin_y];
    if margins.iter().any(|margin| !(0.0..=1.0).contains(margin)) {
        return Err(in_manifest.on("crop", "margins must be within 0 to 1"));
    }
    let (blame, model, size) = load_model(folder, stage, (&spec.file, &spec.sha256), &spec.input, intra_threads)?;
    let classes = spec.output.classes(spec.kind) as i64;
    check_output(&blame, &model, "output", &spec.output.name, &[-1, -1, classes])?;
    if let Some(region) = &spec.region {
        if region.codes.is_empty() {
            return Err(in_manifest.on("region.codes", "is empty"));
        }
        check_output(&blame, &model, "region", &region.name, &[-1, region.codes.len() as i64])?;
    }
    if let Some(plate) = &spec.plate {
        in_manifest.on_spec(plate.fault())?;
        check_output(&blame, &model, "plate", &plate.name, &[-1])?;
    }

    let tensor = grey(&spec.input, &model, spec.input.height, spec.input.width);
    let trial = model
        .run(&tensor, &[&spec.output.name])
        .and_then(|outputs| read::readings(&spec, &outputs, &vec![&Options::default(); tensor.batch]).map(drop));
    trial.map_err(|error| blame.on("output", error))?;
    if let Some(region) = &spec.region {
        let trial = model
            .run(&tensor, &[&region.name])
            .and_then(|outputs| read::region_rows(region, &outputs[0], tensor.batch).map(drop));
        trial.map_err(|error| blame.on("region", error))?;
    }
    let description = describe(stage, (&spec.file, &spec.sha256), size, spec.kind.name(), &model);
    Ok((Stage { spec, model }, description))
}

fn grey(spec: &InputSpec, model: &Model, height: u32, width: u32) -> InputTensor {
    let batch = model.fixed_batch().unwrap_or(1);
    let mut tensor = InputTensor::new(spec, batch, height as usize, width as usize);
    for n in 0..batch {
        tensor.pad(n, spec.pad);
    }
    tensor
}

fn describe(
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
