//! The one error type of the core. Codes are stable; messages are fit for a client.

use thiserror::Error;

pub type Result<T> = std::result::Result<T, CoreError>;

/// What is wrong with one image. Each kind has a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFault {
    Empty,
    UnsupportedFormat,
    TooLarge,
    TooSmall,
    Truncated,
    Corrupt,
}

#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum CoreError {
    #[error("{message}")]
    Image { fault: ImageFault, message: String },
    /// The message names the file and the field.
    #[error("{0}")]
    Pack(String),
    #[error(
        "the deadline of {limit_ms} ms passed before this image was read; send fewer or smaller images, or allow more time"
    )]
    DeadlineExceeded { limit_ms: u64 },
    #[error("{0}")]
    RuntimeUnavailable(String),
    #[error("{0}")]
    Inference(String),
}

impl CoreError {
    pub fn image(fault: ImageFault, message: impl Into<String>) -> Self {
        Self::Image { fault, message: message.into() }
    }

    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Image { fault, .. } => match fault {
                ImageFault::Empty => "empty_image",
                ImageFault::UnsupportedFormat => "unsupported_format",
                ImageFault::TooLarge => "image_too_large",
                ImageFault::TooSmall => "image_too_small",
                ImageFault::Truncated => "truncated_image",
                ImageFault::Corrupt => "corrupt_image",
            },
            Self::Pack(_) => "invalid_pack",
            Self::DeadlineExceeded { .. } => "deadline_exceeded",
            Self::RuntimeUnavailable(_) => "runtime_unavailable",
            Self::Inference(_) => "inference_failed",
        }
    }
}

/// Runs `work` so that a panic inside it becomes an [`CoreError::Inference`] instead of ending the process.
pub fn guarded<T>(stage: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // Whatever a panicking stage had half written is dropped with its image; shared buffers are overwritten by the next.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(CoreError::Inference(format!(
            "the {stage} stage failed on this image; this is a fault of the core, please report it"
        )))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_of_its_stage() {
        let outcome: Result<()> = guarded("decode", || panic!("boom"));
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), "inference_failed");
        assert!(error.to_string().contains("decode"));
    }
}
