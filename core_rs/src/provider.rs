//! Where models run: one of ONNX Runtime's execution providers, on one of its devices.

use ort::ep::{self, ExecutionProvider};
use ort::session::builder::SessionBuilder;

/// An execution provider. Which of them a library has was settled when it was built: each comes in a wheel of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Provider {
    #[default]
    Cpu,
    OpenVino,
    Cuda,
}

impl Provider {
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Cpu, Self::OpenVino, Self::Cuda].into_iter().find(|each| each.name() == name)
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::OpenVino => "openvino",
            Self::Cuda => "cuda",
        }
    }

    /// The Python package whose library has this provider.
    #[must_use]
    pub fn wheel(self) -> &'static str {
        match self {
            Self::Cpu => "onnxruntime",
            Self::OpenVino => "onnxruntime-openvino",
            Self::Cuda => "onnxruntime-gpu",
        }
    }

    /// Whether the loaded library was built with it; that its driver and device are there shows only when it is used.
    pub fn is_built_in(self) -> ort::Result<bool> {
        match self {
            Self::Cpu => Ok(true),
            Self::OpenVino => ep::OpenVINO::is_available(),
            Self::Cuda => ep::CUDA::is_available(),
        }
    }
}

/// Where one pack's models run, and how wide.
#[derive(Debug, Clone, Default)]
pub struct Placement {
    /// Threads of one model on the CPU, at least 1.
    pub threads: usize,
    pub provider: Provider,
    /// The provider's own name of a device: `GPU` or `NPU` for `OpenVINO`, `0` for CUDA. None: CPU, and the first.
    pub device: Option<String>,
}

impl Placement {
    #[must_use]
    pub fn on_cpu(threads: usize) -> Self {
        Self { threads, ..Self::default() }
    }

    /// What is wrong with the device's name, if anything; whether there is such a device shows only when it is used.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let device = self.device.as_deref()?;
        match self.provider {
            Provider::Cpu => Some(format!("device: {device:?} is given, but the provider cpu has no devices")),
            Provider::OpenVino if !is_openvino_device(device) => {
                Some(format!("device: {device:?} is not OpenVINO's CPU, GPU, GPU.0, GPU.1 or NPU"))
            }
            Provider::Cuda if device.parse::<u16>().is_err() => {
                Some(format!("device: {device:?} is not the number of a CUDA device, such as 0"))
            }
            _ => None,
        }
    }

    /// Has a session use this provider. One that cannot be registered is an error: without that, the runtime would go
    /// on with the CPU alone, and say so only in its log.
    pub(crate) fn apply(&self, builder: SessionBuilder) -> ort::Result<SessionBuilder> {
        match self.provider {
            Provider::Cpu => Ok(builder),
            // Its own default is eight threads. What it does not know, it would leave to the runtime's CPU provider
            // without a word: an unknown device, and a whole model for one of its operators.
            Provider::OpenVino => Ok(builder
                .with_execution_providers([ep::OpenVINO::default()
                    .with_device_type(self.device.as_deref().unwrap_or("CPU"))
                    .with_num_threads(self.threads)
                    .build()
                    .error_on_failure()])?
                .with_config_entry("session.disable_cpu_ep_fallback", "1")?),
            // It leaves the arithmetic of shapes to the CPU by design, so that the same rule would refuse good models.
            Provider::Cuda => Ok(builder.with_execution_providers([ep::CUDA::default()
                .with_device_id(self.device.as_deref().and_then(|device| device.parse().ok()).unwrap_or_default())
                .build()
                .error_on_failure()])?),
        }
    }
}

fn is_openvino_device(device: &str) -> bool {
    let numbered = device.strip_prefix("GPU.").is_some_and(|number| number.parse::<u8>().is_ok());
    numbered || matches!(device, "CPU" | "GPU" | "NPU")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_known_by_its_name() {
        for provider in [Provider::Cpu, Provider::OpenVino, Provider::Cuda] {
            assert_eq!(Provider::parse(provider.name()), Some(provider));
        }
        assert_eq!(Provider::parse("tpu"), None);
    }

    #[test]
    fn a_device_is_one_of_its_provider() {
        let fault = |provider, device: &str| {
            Placement { threads: 1, provider, device: Some(device.to_owned()) }.fault().is_some()
        };
        assert!(!fault(Provider::OpenVino, "GPU.1"));
        assert!(fault(Provider::OpenVino, "GPU.x"));
        assert!(fault(Provider::OpenVino, "gpu"));
        assert!(!fault(Provider::Cuda, "1"));
        assert!(fault(Provider::Cuda, "-1"));
        assert!(fault(Provider::Cpu, "0"));
        assert!(Placement::on_cpu(1).fault().is_none());
    }
}
