//! A point in time after which no new stage begins.

use std::time::{Duration, Instant};

use crate::error::{CoreError, Result};

#[derive(Debug, Clone, Copy)]
pub struct Deadline(Option<(Instant, u64)>);

impl Deadline {
    /// `limit_ms` from now; none is no deadline.
    #[must_use]
    pub fn after(limit_ms: Option<u64>) -> Self {
        Self(limit_ms.and_then(|ms| Some((Instant::now().checked_add(Duration::from_millis(ms))?, ms))))
    }

    pub fn check(&self) -> Result<()> {
        match self.0 {
            Some((end, limit_ms)) if Instant::now() >= end => Err(CoreError::DeadlineExceeded { limit_ms }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_and_an_endless_limit_never_pass() {
        assert!(Deadline::after(None).check().is_ok());
        assert!(Deadline::after(Some(u64::MAX)).check().is_ok());
    }

    #[test]
    fn a_limit_of_nothing_has_passed() {
        assert_eq!(Deadline::after(Some(0)).check().unwrap_err().code(), "deadline_exceeded");
    }
}
