//! What a call gives back, as plain frozen classes.

use std::collections::HashMap;

use pyo3::prelude::*;

use crate::geometry::Corners;
use crate::pack::{Description, StageDescription as Stage};
use crate::pipeline;

type Box4 = (f32, f32, f32, f32);

#[pyclass(frozen, get_all, module = "core_rs")]
pub struct PlateReading {
    r#box: Box4,
    corners: Option<Corners>,
    dscore: f32,
    plate_score: Option<f32>,
    text: String,
    score: f32,
    candidates: Vec<(String, f32)>,
    char_scores: Vec<f32>,
    region: Option<(String, f32)>,
    vehicle: Option<usize>,
}

impl PlateReading {
    fn new(plate: pipeline::PlateReading) -> Self {
        let area = plate.area;
        Self {
            r#box: (area.x1, area.y1, area.x2, area.y2),
            corners: plate.corners,
            dscore: plate.dscore,
            plate_score: plate.plate_score,
            text: plate.reading.text,
            score: plate.reading.score,
            candidates: plate.reading.candidates,
            char_scores: plate.reading.char_scores,
            region: plate.reading.region,
            vehicle: plate.vehicle,
        }
    }
}

#[pymethods]
impl PlateReading {
    fn __repr__(&self) -> String {
        format!(
            "PlateReading(text={:?}, score={:.3}, dscore={:.3}, box={:?})",
            self.text, self.score, self.dscore, self.r#box
        )
    }
}

#[pyclass(frozen, get_all, module = "core_rs")]
pub struct VehicleReading {
    r#box: Box4,
    score: f32,
    r#type: String,
    type_score: f32,
    colours: Vec<(String, f32)>,
    orientations: Vec<(String, f32)>,
    models: Vec<(String, String, Option<u16>, f32)>,
}

impl VehicleReading {
    fn new(vehicle: pipeline::VehicleReading) -> Self {
        let area = vehicle.area;
        Self {
            r#box: (area.x1, area.y1, area.x2, area.y2),
            score: vehicle.score,
            r#type: vehicle.body.0,
            type_score: vehicle.body.1,
            colours: vehicle.colours,
            orientations: vehicle.orientations,
            models: vehicle.models.into_iter().map(|each| (each.make, each.model, each.year, each.score)).collect(),
        }
    }
}

#[pymethods]
impl VehicleReading {
    fn __repr__(&self) -> String {
        format!("VehicleReading(type={:?}, score={:.3}, box={:?})", self.r#type, self.score, self.r#box)
    }
}

#[pyclass(frozen, get_all, module = "core_rs")]
pub struct ImageReading {
    width: u32,
    height: u32,
    plates: Vec<Py<PlateReading>>,
    vehicles: Vec<Py<VehicleReading>>,
    timings: HashMap<&'static str, f64>,
}

impl ImageReading {
    pub fn new(py: Python<'_>, image: pipeline::ImageReading) -> PyResult<Self> {
        let plates =
            image.plates.into_iter().map(|plate| Py::new(py, PlateReading::new(plate))).collect::<PyResult<_>>()?;
        let vehicles =
            image.vehicles.into_iter().map(|each| Py::new(py, VehicleReading::new(each))).collect::<PyResult<_>>()?;
        let timings = image.timings.iter().collect();
        Ok(Self { width: image.width, height: image.height, plates, vehicles, timings })
    }
}

#[pymethods]
impl ImageReading {
    fn __repr__(&self) -> String {
        format!("ImageReading({} x {}, {} plates)", self.width, self.height, self.plates.len())
    }
}

#[pyclass(frozen, get_all, module = "core_rs")]
pub struct StageDescription {
    stage: &'static str,
    file: String,
    sha256: String,
    size: u64,
    kind: &'static str,
    input_shape: Vec<i64>,
    outputs: Vec<(String, Vec<i64>)>,
}

#[pymethods]
impl StageDescription {
    fn __repr__(&self) -> String {
        format!("StageDescription(stage={:?}, file={:?}, kind={:?})", self.stage, self.file, self.kind)
    }
}

impl StageDescription {
    fn new(stage: &Stage) -> Self {
        Self {
            stage: stage.stage,
            file: stage.file.clone(),
            sha256: stage.sha256.clone(),
            size: stage.size,
            kind: stage.kind,
            input_shape: stage.input_shape.clone(),
            outputs: stage.outputs.clone(),
        }
    }
}

#[pyclass(frozen, get_all, module = "core_rs")]
pub struct PackDescription {
    name: String,
    version: String,
    licence: String,
    provenance: String,
    stages: Vec<Py<StageDescription>>,
}

impl PackDescription {
    pub fn new(py: Python<'_>, pack: &Description) -> PyResult<Self> {
        let stages =
            pack.stages.iter().map(|stage| Py::new(py, StageDescription::new(stage))).collect::<PyResult<_>>()?;
        Ok(Self {
            name: pack.name.clone(),
            version: pack.version.clone(),
            licence: pack.licence.clone(),
            provenance: pack.provenance.clone(),
            stages,
        })
    }
}

#[pymethods]
impl PackDescription {
    fn __repr__(&self) -> String {
        format!("PackDescription(name={:?}, version={:?})", self.name, self.version)
    }
}
