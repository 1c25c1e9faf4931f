//! The Python face of the core: thin classes over the pure modules.

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use crate::error::CoreError as Fault;

create_exception!(core_rs, CoreError, PyException, "Base of every error of the core; `code` is stable.");
create_exception!(core_rs, ImageError, CoreError, "One image cannot be read.");
create_exception!(
    core_rs,
    PackError,
    CoreError,
    "A model pack is not whole; the message names the file and the field."
);
create_exception!(core_rs, DeadlineExceeded, CoreError, "The call's deadline passed before this image was read.");
create_exception!(core_rs, RuntimeUnavailable, CoreError, "ONNX Runtime is not loaded or cannot be.");
create_exception!(core_rs, InferenceError, CoreError, "A stage failed on this image.");

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> Self {
        let message = fault.to_string();
        let error = match &fault {
            Fault::Image { .. } => ImageError::new_err(message),
            Fault::Pack(_) => PackError::new_err(message),
            Fault::DeadlineExceeded { .. } => DeadlineExceeded::new_err(message),
            Fault::RuntimeUnavailable(_) => RuntimeUnavailable::new_err(message),
            Fault::Inference(_) => InferenceError::new_err(message),
        };
        Python::attach(|py| match error.value(py).setattr("code", fault.code()) {
            Ok(()) => error,
            Err(failed) => failed,
        })
    }
}

mod engine;
mod results;

// PyO3 hands arguments over by value.
#[allow(clippy::needless_pass_by_value)]
#[pymodule(gil_used = false)]
mod core_rs {
    use std::path::PathBuf;

    use pyo3::prelude::*;

    #[pymodule_export]
    use super::engine::{Engine, Options};
    #[pymodule_export]
    use super::results::{ImageReading, PackDescription, PlateReading, StageDescription, VehicleReading};
    #[pymodule_export]
    use super::{CoreError, DeadlineExceeded, ImageError, InferenceError, PackError, RuntimeUnavailable};

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// Loads ONNX Runtime from the absolute path of its library, once a process.
    #[pyfunction]
    fn init(py: Python<'_>, onnxruntime_path: PathBuf) -> PyResult<()> {
        Ok(py.detach(|| crate::session::init(&onnxruntime_path))?)
    }

    /// Loads a pack, verifies it and says what it is.
    #[pyfunction]
    #[pyo3(signature = (pack_dir, *, provider="cpu", device=None))]
    fn verify_pack(
        py: Python<'_>,
        pack_dir: PathBuf,
        provider: &str,
        device: Option<String>,
    ) -> PyResult<PackDescription> {
        let placement = super::engine::placement(1, provider, device)?;
        let description = py.detach(|| crate::pack::verify(&pack_dir, &placement))?;
        PackDescription::new(py, &description)
    }
}
