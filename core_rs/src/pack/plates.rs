//! The stages about plates: loading and verification.

use std::path::Path;

use super::check::{Blame, check_output, describe, grey, load_model};
use super::{Stage, StageDescription};
use crate::detect;
use crate::error::Result;
use crate::letterbox::Frame;
use crate::manifest::{DetectorKind, DetectorOutput, DetectorSpec, Fit, InputSpec, ReaderSpec, RereadSpec, ScoreSpec};
use crate::options::Options;
use crate::provider::Placement;
use crate::read;
use crate::session::Model;

pub(super) fn load_detector(
    folder: &Path,
    spec: DetectorSpec,
    placement: &Placement,
) -> Result<(Stage<DetectorSpec>, StageDescription)> {
    let stage = "plate_detector";
    let in_manifest = Blame::manifest(folder, stage);
    check_grid(&in_manifest, &spec.input, &spec.output)?;
    in_manifest.on_spec(spec.fault())?;
    let (blame, model, size) = load_model(folder, stage, (&spec.file, &spec.sha256), &spec.input, placement)?;
    try_detector(&blame, &model, &spec.input, spec.kind, &spec.output)?;
    let description = describe(stage, (&spec.file, &spec.sha256), size, spec.kind.name(), &model);
    Ok((Stage { spec, model }, description))
}

pub(super) fn load_reader(
    folder: &Path,
    spec: ReaderSpec,
    placement: &Placement,
) -> Result<(Stage<ReaderSpec>, StageDescription)> {
    let stage = "plate_reader";
    let in_manifest = Blame::manifest(folder, stage);
    if spec.input.fit != Fit::Stretch {
        return Err(in_manifest.on("input.fit", "a reader takes stretch"));
    }
    in_manifest.on_spec(spec.output.fault(spec.kind))?;
    in_manifest.on_spec(spec.crop.fault())?;
    let (blame, model, size) = load_model(folder, stage, (&spec.file, &spec.sha256), &spec.input, placement)?;
    let classes = spec.output.classes(spec.kind) as i64;
    check_output(&blame, &model, "output", &spec.output.name, &[-1, -1, classes])?;
    if let Some(region) = &spec.region {
        if region.codes.is_empty() {
            return Err(in_manifest.on("region.codes", "is empty"));
        }
        check_output(&blame, &model, "region", &region.name, &[-1, region.codes.len() as i64])?;
    }
    if let Some(state) = &spec.state {
        in_manifest.on_spec(state.fault())?;
        check_output(&blame, &model, "state", &state.name, &[-1, state.codes.len() as i64])?;
    }
    if let Some(plate) = &spec.plate {
        in_manifest.on_spec(plate.fault())?;
        check_output(&blame, &model, "plate", &plate.name, &[-1])?;
    }
    in_manifest.on_spec(spec.reread.as_ref().and_then(RereadSpec::fault))?;
    in_manifest.on_spec(spec.score.as_ref().and_then(ScoreSpec::fault))?;

    let tensor = grey(&spec.input, &model, spec.input.height, spec.input.width);
    let trial = model
        .run(&tensor, &read::output_names(&spec))
        .and_then(|outputs| read::glimpses(&spec, &outputs, tensor.batch))
        .map(|seen| read::reading(&spec, &seen[..1], &Options::default()));
    trial.map_err(|error| blame.on("output", error))?;
    let description = describe(stage, (&spec.file, &spec.sha256), size, spec.kind.name(), &model);
    Ok((Stage { spec, model }, description))
}

pub(super) fn check_grid(in_manifest: &Blame, input: &InputSpec, output: &DetectorOutput) -> Result<()> {
    if input.fit == Fit::Stretch {
        return Err(in_manifest.on("input.fit", "a detector takes letterbox or letterbox-dynamic"));
    }
    if output.strides.is_empty() || output.strides.contains(&0) || output.classes == 0 {
        return Err(in_manifest.on("output", "strides and classes must be at least 1"));
    }
    Ok(())
}

/// Checks a detector's output by its declaration, then by a run.
pub(super) fn try_detector(
    blame: &Blame,
    model: &Model,
    input: &InputSpec,
    kind: DetectorKind,
    output: &DetectorOutput,
) -> Result<()> {
    let last = detect::row_length(kind, output) as i64;
    let wanted: &[i64] = match kind {
        DetectorKind::YoloEnd2end => &[-1, last],
        _ => &[-1, -1, last],
    };
    check_output(blame, model, "output", &output.name, wanted)?;
    let frame = Frame::plan(input, 64, 48);
    let tensor = grey(input, model, frame.input_height, frame.input_width);
    let trial = model.run(&tensor, &[&output.name]).and_then(|outputs| {
        detect::detections(kind, output, &outputs[0], &vec![frame; tensor.batch], &vec![2.0; tensor.batch])
    });
    trial.map(drop).map_err(|error| blame.on("output", error))
}
