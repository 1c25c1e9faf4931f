//! What a manifest says of the stages about vehicles.

use std::collections::HashSet;

use serde::Deserialize;

use super::detector::{DetectorKind, DetectorOutput, default_nms_iou};
use super::input::{CropSpec, InputSpec};

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VehicleDetectorSpec {
    /// The stage whose network has this output, too; then there is no file of its own.
    pub output_of: Option<String>,
    pub file: Option<String>,
    pub sha256: Option<String>,
    pub input: Option<InputSpec>,
    pub kind: DetectorKind,
    pub output: DetectorOutput,
    /// Vehicles of a lower score are none.
    #[serde(default = "default_threshold")]
    pub threshold: f32,
    #[serde(default = "default_nms_iou")]
    pub nms_iou: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassifierKind {
    /// One output a property: `[n, classes]` probabilities.
    Classes,
}

impl ClassifierKind {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Classes => "classes",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributesSpec {
    pub file: String,
    pub sha256: String,
    pub kind: ClassifierKind,
    pub input: InputSpec,
    #[serde(default)]
    pub crop: CropSpec,
    #[serde(rename = "type")]
    pub body: Option<ClassesSpec>,
    pub colour: Option<ClassesSpec>,
    pub orientation: Option<ClassesSpec>,
}

impl AttributesSpec {
    /// The properties that the network tells, by the names of their tables.
    pub fn properties(&self) -> impl Iterator<Item = (&'static str, &ClassesSpec)> {
        [("type", &self.body), ("colour", &self.colour), ("orientation", &self.orientation)]
            .into_iter()
            .filter_map(|(name, spec)| Some((name, spec.as_ref()?)))
    }
}

/// An output whose classes are words.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassesSpec {
    pub name: String,
    pub classes: Vec<String>,
    /// A best class of a lower probability is not told.
    #[serde(default)]
    pub least: f32,
}

impl ClassesSpec {
    /// Says which field is wrong and how, or nothing.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        if self.classes.is_empty() || self.classes.iter().any(String::is_empty) {
            return Some("classes: must be words, at least one".into());
        }
        let mut known = HashSet::new();
        if let Some(twice) = self.classes.iter().find(|class| !known.insert(*class)) {
            return Some(format!("classes: {twice:?} is there twice"));
        }
        least_fault(self.least)
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakeModelSpec {
    pub file: String,
    pub sha256: String,
    pub kind: ClassifierKind,
    pub input: InputSpec,
    #[serde(default)]
    pub crop: CropSpec,
    pub model: ModelsSpec,
    /// Another opinion on what `vehicle_attributes.type` tells, of the same classes; the two are averaged.
    #[serde(rename = "type")]
    pub body: Option<ClassesSpec>,
}

/// An output whose classes are makes, models and years.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelsSpec {
    pub name: String,
    pub classes: Vec<VehicleModel>,
    /// Nothing is told of makes and models whose probability is lower.
    #[serde(default)]
    pub least: f32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "[String; 3]")]
pub struct VehicleModel {
    pub make: String,
    /// Empty where it is not known.
    pub model: String,
    pub year: Option<u16>,
}

impl TryFrom<[String; 3]> for VehicleModel {
    type Error = String;

    fn try_from([make, model, year]: [String; 3]) -> Result<Self, String> {
        if make.is_empty() {
            return Err("a class without a make".into());
        }
        let year = match year.as_str() {
            "" => None,
            text => {
                Some(text.parse().map_err(|_| format!("{text:?} is no year; leave it empty where it is not known"))?)
            }
        };
        Ok(Self { make, model, year })
    }
}

impl ModelsSpec {
    /// Says which field is wrong and how, or nothing.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        if self.classes.is_empty() {
            return Some("classes: must be makes and models, at least one".into());
        }
        least_fault(self.least)
    }
}

fn least_fault(least: f32) -> Option<String> {
    (!(0.0..=1.0).contains(&least)).then(|| format!("least: {least} is not within 0 to 1"))
}

fn default_threshold() -> f32 {
    0.35
}
