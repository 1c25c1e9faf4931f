//! A model pack: a folder with `manifest.toml` and the models that it names, verified when loaded.

mod check;
mod plates;
mod vehicles;

use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::error::{CoreError, Result};
use crate::manifest::{AttributesSpec, DetectorSpec, Header, MakeModelManifest, MakeModelSpec, Manifest, ReaderSpec};
use crate::provider::Placement;
use crate::session::{self, Model};
pub use vehicles::VehicleDetector;

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
    /// Bytes of the file; 0 for a stage that is another output of an earlier stage's file.
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
    pub vehicles: Option<VehicleDetector>,
    pub attributes: Option<Stage<AttributesSpec>>,
}

/// A make-model pack whose model is loaded.
pub struct MakeModelPack {
    pub description: Description,
    pub stage: Stage<MakeModelSpec>,
}

pub struct Stage<S> {
    pub spec: S,
    pub model: Model,
}

/// Loads and verifies: hashes, kinds, shapes, number types; then runs each model once on grey.
pub fn load(folder: &Path, placement: &Placement) -> Result<Pack> {
    let Manifest { pack, plate_detector, plate_reader, vehicle_detector, vehicle_attributes } = read_manifest(folder)?;
    if vehicle_detector.is_none() && vehicle_attributes.is_some() {
        let blame = check::Blame::manifest(folder, "vehicle_attributes");
        return Err(blame.on("file", "the pack has no vehicle_detector, whose vehicles this stage describes"));
    }
    let (detector, first) = plates::load_detector(folder, plate_detector, placement)?;
    let (reader, second) = plates::load_reader(folder, plate_reader, placement)?;
    let mut stages = vec![first, second];
    let vehicles = vehicle_detector.map(|spec| vehicles::load_detector(folder, spec, &detector, placement));
    let vehicles = vehicles.transpose()?.map(|(stage, description)| {
        stages.push(description);
        stage
    });
    let attributes = vehicle_attributes.map(|spec| vehicles::load_attributes(folder, spec, placement));
    let attributes = attributes.transpose()?.map(|(stage, description)| {
        stages.push(description);
        stage
    });
    Ok(Pack { description: described(pack, stages), detector, reader, vehicles, attributes })
}

/// As `load`, for a make-model pack.
pub fn load_make_model(folder: &Path, placement: &Placement) -> Result<MakeModelPack> {
    let MakeModelManifest { pack, make_model } = read_manifest(folder)?;
    let (stage, description) = vehicles::load_make_model(folder, make_model, placement)?;
    Ok(MakeModelPack { description: described(pack, vec![description]), stage })
}

/// Loads a pack of either sort and says what it is.
pub fn verify(folder: &Path, placement: &Placement) -> Result<Description> {
    #[derive(Deserialize)]
    struct Sort {
        plate_detector: Option<IgnoredAny>,
        make_model: Option<IgnoredAny>,
    }
    session::check(placement)?;
    let Sort { plate_detector, make_model } = read_manifest(folder)?;
    if make_model.is_some() && plate_detector.is_none() {
        return Ok(load_make_model(folder, placement)?.description);
    }
    Ok(load(folder, placement)?.description)
}

fn described(header: Header, stages: Vec<StageDescription>) -> Description {
    let Header { name, version, licence, provenance } = header;
    Description { name, version, licence, provenance, stages }
}

fn read_manifest<M: DeserializeOwned>(folder: &Path) -> Result<M> {
    let path = folder.join(MANIFEST);
    let fault = |text: String| CoreError::Pack(format!("{}: {text}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| fault(format!("cannot be read ({error})")))?;
    let document = toml::Deserializer::parse(&text).map_err(|error| fault(error.to_string()))?;
    serde_path_to_error::deserialize::<_, M>(document).map_err(|error| {
        let field = error.path().to_string();
        let reason = error.inner().message();
        fault(if field == "." { reason.to_owned() } else { format!("{field}: {reason}") })
    })
}
