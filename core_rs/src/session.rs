//! ONNX Runtime: loaded once a process from a given library, one session per model behind a lock.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::session::builder::SessionBuilder;
use ort::session::{Session, SessionInputValue};
use ort::value::{TensorElementType, TensorRef, ValueType};

use crate::error::{CoreError, Result};
use crate::manifest::Dtype;
use crate::provider::Placement;
use crate::tensor::{InputTensor, Values};

struct Runtime {
    path: PathBuf,
    environment: Environment,
}

static RUNTIME: OnceLock<Runtime> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// Loads the library. A second call with the same path does nothing; with another one it is an error, since a process
/// holds one runtime.
pub fn init(path: &Path) -> Result<()> {
    // A relative path would be searched beside the interpreter's program file.
    if !path.is_absolute() {
        return Err(CoreError::RuntimeUnavailable(format!(
            "onnxruntime_path: {} is not absolute; give the full path of libonnxruntime.so",
            path.display()
        )));
    }
    let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        if runtime.path == path {
            return Ok(());
        }
        return Err(CoreError::RuntimeUnavailable(format!(
            "onnxruntime_path: this process has already loaded {}",
            runtime.path.display()
        )));
    }
    let unavailable = |cause: &dyn std::fmt::Display| {
        CoreError::RuntimeUnavailable(format!(
            "onnxruntime_path: {} cannot be used as ONNX Runtime 1.24 or newer ({cause})",
            path.display()
        ))
    };
    let environment = ort::init_from(path)
        .map_err(|error| unavailable(&error))?
        .with_name("platehost")
        .with_telemetry(false)
        .build()
        .map_err(|error| unavailable(&error))?;
    RUNTIME.get_or_init(|| Runtime { path: path.to_owned(), environment });
    Ok(())
}

const NOT_LOADED: &str = "ONNX Runtime is not loaded; call core_rs.init with the path of its library first";

/// Whether the loaded library can run models there, so that a provider that is missing is not taken for a faulty pack.
pub fn check(placement: &Placement) -> Result<()> {
    let runtime = RUNTIME.get().ok_or_else(|| CoreError::RuntimeUnavailable(NOT_LOADED.to_owned()))?;
    if let Some(fault) = placement.fault() {
        return Err(CoreError::RuntimeUnavailable(fault));
    }
    let name = placement.provider.name();
    let library = runtime.path.display();
    let failed = |error: ort::Error| {
        CoreError::RuntimeUnavailable(format!(
            "provider: {name} is built into {library}, but cannot be used: install its driver and libraries, and name a \
             device that this machine has ({})",
            error.to_string().trim()
        ))
    };
    if !placement.provider.is_built_in().map_err(failed)? {
        return Err(CoreError::RuntimeUnavailable(format!(
            "provider: {name} is not built into {library}; install the Python package {} in place of the one that this \
             library is of, or choose the provider cpu",
            placement.provider.wheel()
        )));
    }
    builder(runtime, placement).map(drop).map_err(failed)
}

/// An output tensor of f32, copied out of the runtime.
#[derive(Debug, Clone)]
pub struct Output {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

/// A tensor as the model declares it; -1 is a dimension that varies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    pub name: String,
    pub shape: Vec<i64>,
    pub dtype: Option<TensorElementType>,
}

pub struct Model {
    session: Mutex<Session>,
    pub input: Declared,
    pub outputs: Vec<Declared>,
}

impl Model {
    /// Loads a model from bytes. The error is the bare reason; the caller knows the file.
    pub fn load(bytes: &[u8], placement: &Placement) -> std::result::Result<Self, String> {
        let runtime = RUNTIME.get().ok_or(NOT_LOADED)?;
        let session = open(runtime, bytes, placement).map_err(|error| error.to_string())?;
        let [input] = session.inputs() else {
            return Err(format!("the model has {} inputs, it must have one", session.inputs().len()));
        };
        let input = declared(input.name(), input.dtype());
        let outputs = session.outputs().iter().map(|output| declared(output.name(), output.dtype())).collect();
        Ok(Self { session: Mutex::new(session), input, outputs })
    }

    /// The batch size that the model is fixed to, if any.
    #[must_use]
    pub fn fixed_batch(&self) -> Option<usize> {
        self.input.shape.first().and_then(|&n| usize::try_from(n).ok())
    }

    /// Runs one batch and gives the named outputs, in that order.
    pub fn run(&self, tensor: &InputTensor, names: &[&str]) -> Result<Vec<Output>> {
        let failed = |error: ort::Error| CoreError::Inference(format!("the model could not be run: {error}"));
        let shape = tensor.shape();
        let value: SessionInputValue = match &tensor.values {
            Values::F32(values) => TensorRef::from_array_view((shape, values.as_slice())).map_err(failed)?.into(),
            Values::U8(values) => TensorRef::from_array_view((shape, values.as_slice())).map_err(failed)?.into(),
        };
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run([value]).map_err(failed)?;
        names
            .iter()
            .map(|name| {
                let value = outputs
                    .get(name)
                    .ok_or_else(|| CoreError::Inference(format!("the model gave no output {name:?}")))?;
                let (shape, values) = value.try_extract_tensor::<f32>().map_err(failed)?;
                Ok(Output { shape: shape.iter().map(|&side| side as usize).collect(), values: values.to_vec() })
            })
            .collect()
    }
}

/// Whether the model's input takes numbers of this type.
#[must_use]
pub fn takes(input: &Declared, dtype: Dtype) -> bool {
    let wanted = match dtype {
        Dtype::F32 => TensorElementType::Float32,
        Dtype::U8 => TensorElementType::Uint8,
    };
    input.dtype == Some(wanted)
}

#[must_use]
pub fn is_f32(output: &Declared) -> bool {
    output.dtype == Some(TensorElementType::Float32)
}

// Spinning threads burn a core between two requests; one process a core is how the service scales.
fn builder(runtime: &Runtime, placement: &Placement) -> ort::Result<SessionBuilder> {
    let builder = Session::builder(&runtime.environment)?
        .with_intra_threads(placement.threads)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?;
    placement.apply(builder)
}

fn open(runtime: &Runtime, bytes: &[u8], placement: &Placement) -> ort::Result<Session> {
    builder(runtime, placement)?.commit_from_memory(bytes)
}

fn declared(name: &str, kind: &ValueType) -> Declared {
    let (shape, dtype) = match kind {
        ValueType::Tensor { ty, shape, .. } => (shape.to_vec(), Some(*ty)),
        _ => (Vec::new(), None),
    };
    Declared { name: name.to_owned(), shape, dtype }
}
