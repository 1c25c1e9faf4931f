//! `Engine` and `Options` as Python sees them.

use std::path::PathBuf;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyList;

use super::results::{ImageReading, PackDescription};
use crate::deadline::Deadline;
use crate::error::Result;
use crate::options::{DetectionMode, MAX_CANDIDATES, MAX_PLATES, Mode, Options as Settings};
use crate::pipeline;
use crate::provider::{Placement, Provider};
use crate::templates::text_formats::TextFormats;

#[pyclass(frozen, module = "core_rs")]
pub struct Options(Settings);

#[pymethods]
impl Options {
    #[new]
    #[pyo3(signature = (*, threshold_d=0.2, threshold_o=0.6, mode="default", regions=Vec::new(), region_strict=false,
        text_formats=Vec::new(), plates_per_vehicle=1, zoom_in_vehicles=4, max_plates=64, max_candidates=10, mmc=false,
        detection_mode="plate", detection_rule_strict=false))]
    // The arguments are the API contract's own list; Python callers name each of them.
    #[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools)]
    fn new(
        threshold_d: f32,
        threshold_o: f32,
        mode: &str,
        regions: Vec<String>,
        region_strict: bool,
        text_formats: Vec<String>,
        plates_per_vehicle: usize,
        zoom_in_vehicles: usize,
        max_plates: usize,
        max_candidates: usize,
        mmc: bool,
        detection_mode: &str,
        detection_rule_strict: bool,
    ) -> PyResult<Self> {
        for (field, value) in [("threshold_d", threshold_d), ("threshold_o", threshold_o)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(PyValueError::new_err(format!("{field}: {value} is not within 0 to 1")));
            }
        }
        for (field, value, most) in
            [("max_plates", max_plates, MAX_PLATES), ("max_candidates", max_candidates, MAX_CANDIDATES)]
        {
            if !(1..=most).contains(&value) {
                return Err(PyValueError::new_err(format!("{field}: {value} is not within 1 to {most}")));
            }
        }
        let mode = Mode::parse(mode).ok_or_else(|| {
            PyValueError::new_err(format!("mode: {mode:?} is not \"default\", \"fast\" or \"redaction\""))
        })?;
        let detection_mode = DetectionMode::parse(detection_mode).ok_or_else(|| {
            PyValueError::new_err(format!("detection_mode: {detection_mode:?} is not \"plate\" or \"vehicle\""))
        })?;
        let text_formats =
            TextFormats::new(text_formats).map_err(|fault| PyValueError::new_err(format!("text_formats: {fault}")))?;
        Ok(Self(Settings {
            threshold_d,
            threshold_o,
            mode,
            regions,
            region_strict,
            text_formats,
            mmc,
            detection_mode,
            detection_rule_strict,
            plates_per_vehicle,
            zoom_in_vehicles,
            max_plates,
            max_candidates,
        }))
    }

    #[getter]
    fn threshold_d(&self) -> f32 {
        self.0.threshold_d
    }

    #[getter]
    fn threshold_o(&self) -> f32 {
        self.0.threshold_o
    }

    #[getter]
    fn mode(&self) -> &'static str {
        self.0.mode.name()
    }

    #[getter]
    fn regions(&self) -> Vec<String> {
        self.0.regions.clone()
    }

    #[getter]
    fn region_strict(&self) -> bool {
        self.0.region_strict
    }

    #[getter]
    fn text_formats(&self) -> Vec<String> {
        self.0.text_formats.sources().to_vec()
    }

    #[getter]
    fn mmc(&self) -> bool {
        self.0.mmc
    }

    #[getter]
    fn detection_mode(&self) -> &'static str {
        self.0.detection_mode.name()
    }

    #[getter]
    fn detection_rule_strict(&self) -> bool {
        self.0.detection_rule_strict
    }

    #[getter]
    fn plates_per_vehicle(&self) -> usize {
        self.0.plates_per_vehicle
    }

    #[getter]
    fn zoom_in_vehicles(&self) -> usize {
        self.0.zoom_in_vehicles
    }

    #[getter]
    fn max_plates(&self) -> usize {
        self.0.max_plates
    }

    #[getter]
    fn max_candidates(&self) -> usize {
        self.0.max_candidates
    }
}

#[pyclass(frozen, module = "core_rs")]
pub struct Engine(pipeline::Engine);

// PyO3 hands arguments over by value.
#[allow(clippy::needless_pass_by_value)]
#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (pack_dir, *, intra_threads=1, max_pixels=50_000_000, max_batch=16, make_model_dir=None,
        provider="cpu", device=None))]
    // Python callers name each of them.
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        pack_dir: PathBuf,
        intra_threads: usize,
        max_pixels: u64,
        max_batch: usize,
        make_model_dir: Option<PathBuf>,
        provider: &str,
        device: Option<String>,
    ) -> PyResult<Self> {
        for (field, value) in [("intra_threads", intra_threads), ("max_batch", max_batch)] {
            if !(1..=1024).contains(&value) {
                return Err(PyValueError::new_err(format!("{field}: {value} is not within 1 to 1024")));
            }
        }
        // 2^30 pixels are 3 GiB of RGB; beyond it a picture is a mistake or an attack.
        if !(64..=1 << 30).contains(&max_pixels) {
            return Err(PyValueError::new_err(format!("max_pixels: {max_pixels} is not within 64 to 2^30")));
        }
        let placement = placement(intra_threads, provider, device)?;
        Ok(Self(py.detach(|| {
            pipeline::Engine::open(&pack_dir, make_model_dir.as_deref(), &placement, max_pixels, max_batch)
        })?))
    }

    #[getter]
    fn pack(&self, py: Python<'_>) -> PyResult<PackDescription> {
        PackDescription::new(py, &self.0.pack.description)
    }

    #[getter]
    fn make_model_pack(&self, py: Python<'_>) -> PyResult<Option<PackDescription>> {
        self.0.make_model.as_ref().map(|pack| PackDescription::new(py, &pack.description)).transpose()
    }

    /// One `ImageReading` or `CoreError` an image, in their order. The GIL is released for the whole batch.
    #[pyo3(signature = (images, options=None, deadline_ms=None))]
    fn recognise<'py>(
        &self,
        py: Python<'py>,
        images: Vec<PyBackedBytes>,
        options: Option<Vec<Py<Options>>>,
        deadline_ms: Option<u64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let deadline = Deadline::after(deadline_ms);
        let settings = settings(images.len(), options)?;
        let outcomes = py.detach(|| self.0.recognise(&borrowed(&images), &settings, deadline));
        answers(py, outcomes)
    }

    /// As `recognise`, for images that are known to be one plate, already cut out. Each answer has one plate, whatever
    /// its score.
    #[pyo3(signature = (images, options=None, deadline_ms=None))]
    fn read_crops<'py>(
        &self,
        py: Python<'py>,
        images: Vec<PyBackedBytes>,
        options: Option<Vec<Py<Options>>>,
        deadline_ms: Option<u64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let deadline = Deadline::after(deadline_ms);
        let settings = settings(images.len(), options)?;
        let outcomes = py.detach(|| self.0.read_crops(&borrowed(&images), &settings, deadline));
        answers(py, outcomes)
    }
}

pub(super) fn placement(threads: usize, provider: &str, device: Option<String>) -> PyResult<Placement> {
    let provider = Provider::parse(provider).ok_or_else(|| {
        PyValueError::new_err(format!("provider: {provider:?} is not \"cpu\", \"openvino\" or \"cuda\""))
    })?;
    Ok(Placement { threads, provider, device })
}

fn borrowed(images: &[PyBackedBytes]) -> Vec<&[u8]> {
    images.iter().map(|bytes| &**bytes).collect()
}

fn settings(images: usize, options: Option<Vec<Py<Options>>>) -> PyResult<Vec<Settings>> {
    let Some(options) = options else {
        return Ok(vec![Settings::default(); images]);
    };
    if options.len() != images {
        return Err(PyValueError::new_err(format!(
            "options: {} given for {images} images; give one an image, or none",
            options.len()
        )));
    }
    Ok(options.iter().map(|each| each.get().0.clone()).collect())
}

fn answers(py: Python<'_>, outcomes: Vec<Result<pipeline::ImageReading>>) -> PyResult<Bound<'_, PyList>> {
    let answers = PyList::empty(py);
    for outcome in outcomes {
        match outcome {
            Ok(image) => answers.append(ImageReading::new(py, image)?)?,
            Err(fault) => answers.append(PyErr::from(fault).value(py))?,
        }
    }
    Ok(answers)
}
