//! The stages about vehicles: loading and verification.

use std::path::Path;

use super::check::{Blame, check_output, describe, grey, load_model};
use super::plates::{check_grid, try_detector};
use super::{Stage, StageDescription};
use crate::classes;
use crate::error::Result;
use crate::manifest::{
    AttributesSpec, CropSpec, DetectorKind, DetectorOutput, DetectorSpec, Fit, InputSpec, MakeModelSpec,
    VehicleDetectorSpec,
};
use crate::provider::Placement;
use crate::session::Model;

/// Finds vehicles: an output of the plate detector's network, or a network of its own.
pub struct VehicleDetector {
    pub kind: DetectorKind,
    pub output: DetectorOutput,
    pub threshold: f32,
    pub nms_iou: f32,
    pub own: Option<OwnNetwork>,
}

pub struct OwnNetwork {
    pub model: Model,
    pub input: InputSpec,
}

const SHARES: &str = "plate_detector";

pub(super) fn load_detector(
    folder: &Path,
    spec: VehicleDetectorSpec,
    plates: &Stage<DetectorSpec>,
    placement: &Placement,
) -> Result<(VehicleDetector, StageDescription)> {
    let stage = "vehicle_detector";
    let in_manifest = Blame::manifest(folder, stage);
    if !(0.0..=1.0).contains(&spec.threshold) {
        return Err(in_manifest.on("threshold", format!("{} is not within 0 to 1", spec.threshold)));
    }
    let VehicleDetectorSpec { output_of, file, sha256, input, kind, output, threshold, nms_iou } = spec;
    let (own, description) = match (output_of, file, sha256, input) {
        (Some(shared), None, None, None) if shared == SHARES => {
            check_grid(&in_manifest, &plates.spec.input, &output)?;
            if output.name == plates.spec.output.name {
                return Err(in_manifest.on("output.name", format!("{:?} is that of the plates", output.name)));
            }
            let blame = Blame { stage, file: folder.join(&plates.spec.file) };
            try_detector(&blame, &plates.model, &plates.spec.input, kind, &output)?;
            let mut description =
                describe(stage, (&plates.spec.file, &plates.spec.sha256), 0, kind.name(), &plates.model);
            description.outputs.retain(|(name, _)| *name == output.name);
            (None, description)
        }
        (Some(shared), None, None, None) => {
            return Err(in_manifest.on("output_of", format!("{shared:?} is not {SHARES:?}")));
        }
        (None, Some(file), Some(sha256), Some(input)) => {
            check_grid(&in_manifest, &input, &output)?;
            let (blame, model, size) = load_model(folder, stage, (&file, &sha256), &input, placement)?;
            try_detector(&blame, &model, &input, kind, &output)?;
            let description = describe(stage, (&file, &sha256), size, kind.name(), &model);
            (Some(OwnNetwork { model, input }), description)
        }
        _ => {
            let remedy = format!("give either output_of = {SHARES:?}, or file, sha256 and input");
            return Err(in_manifest.on("output_of", remedy));
        }
    };
    Ok((VehicleDetector { kind, output, threshold, nms_iou, own }, description))
}

pub(super) fn load_attributes(
    folder: &Path,
    spec: AttributesSpec,
    placement: &Placement,
) -> Result<(Stage<AttributesSpec>, StageDescription)> {
    let stage = "vehicle_attributes";
    let in_manifest = Blame::manifest(folder, stage);
    if spec.properties().next().is_none() {
        return Err(in_manifest.on("type", "give at least one of type, colour and orientation"));
    }
    for (property, classes) in spec.properties() {
        in_manifest.on_spec(classes.fault().map(|fault| format!("{property}.{fault}")))?;
    }
    let outputs: Vec<_> =
        spec.properties().map(|(property, each)| (property, each.name.as_str(), each.classes.len())).collect();
    let described = (spec.file.as_str(), spec.sha256.as_str(), spec.kind.name());
    let (model, description) = load_classifier(folder, stage, described, &spec.input, spec.crop, &outputs, placement)?;
    Ok((Stage { spec, model }, description))
}

pub(super) fn load_make_model(
    folder: &Path,
    spec: MakeModelSpec,
    placement: &Placement,
) -> Result<(Stage<MakeModelSpec>, StageDescription)> {
    let stage = "make_model";
    let in_manifest = Blame::manifest(folder, stage);
    in_manifest.on_spec(spec.model.fault().map(|fault| format!("model.{fault}")))?;
    let mut outputs = vec![("model", spec.model.name.as_str(), spec.model.classes.len())];
    if let Some(body) = &spec.body {
        in_manifest.on_spec(body.fault().map(|fault| format!("type.{fault}")))?;
        outputs.push(("type", &body.name, body.classes.len()));
    }
    let described = (spec.file.as_str(), spec.sha256.as_str(), spec.kind.name());
    let (model, description) = load_classifier(folder, stage, described, &spec.input, spec.crop, &outputs, placement)?;
    Ok((Stage { spec, model }, description))
}

/// Loads a network of which each property (its table's name, its output, its number of classes) is an output.
fn load_classifier(
    folder: &Path,
    stage: &'static str,
    (file, sha256, kind): (&str, &str, &'static str),
    input: &InputSpec,
    crop: CropSpec,
    properties: &[(&str, &str, usize)],
    placement: &Placement,
) -> Result<(Model, StageDescription)> {
    let in_manifest = Blame::manifest(folder, stage);
    if input.fit != Fit::Stretch {
        return Err(in_manifest.on("input.fit", "a vehicle's cut takes stretch"));
    }
    in_manifest.on_spec(crop.fault())?;
    let (blame, model, size) = load_model(folder, stage, (file, sha256), input, placement)?;
    for &(property, name, count) in properties {
        check_output(&blame, &model, property, name, &[-1, count as i64])?;
    }
    let tensor = grey(input, &model, input.height, input.width);
    for &(property, name, count) in properties {
        let trial = model.run(&tensor, &[name]);
        let trial = trial.and_then(|outputs| classes::rows(&outputs[0], tensor.batch, count).map(drop));
        trial.map_err(|error| blame.on(property, error))?;
    }
    let description = describe(stage, (file, sha256), size, kind, &model);
    Ok((model, description))
}
