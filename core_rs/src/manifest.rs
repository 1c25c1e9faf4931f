//! `manifest.toml` of a model pack: what each stage's file is, and how its tensors are laid out.

mod detector;
mod input;
mod reader;
mod vehicles;

use serde::Deserialize;

pub use detector::{AfarSpec, DetectorKind, DetectorOutput, DetectorSpec};
pub use input::{Colour, CropSpec, Dtype, Fit, InputSpec, Layout, Placement, Resample};
pub use reader::{
    Activation, PlateSpec, ReaderKind, ReaderOutput, ReaderSpec, RegionSpec, RereadSpec, ScoreSpec, StateSpec,
};
pub use vehicles::{
    AttributesSpec, ClassesSpec, ClassifierKind, MakeModelSpec, ModelsSpec, VehicleDetectorSpec, VehicleModel,
};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub pack: Header,
    pub plate_detector: DetectorSpec,
    pub plate_reader: ReaderSpec,
    pub vehicle_detector: Option<VehicleDetectorSpec>,
    pub vehicle_attributes: Option<AttributesSpec>,
}

/// The manifest of a make-model pack, which stands apart because its weights may have another licence.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakeModelManifest {
    pub pack: Header,
    pub make_model: MakeModelSpec,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub name: String,
    pub version: String,
    pub licence: String,
    #[serde(default)]
    pub provenance: String,
}
