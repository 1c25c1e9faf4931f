//! One image on its way through the stages, and the memory that they share.

use fast_image_resize::Resizer;

use super::{PlateReading, VehicleReading};
use crate::decode::Picture;
use crate::detect::Detection;
use crate::error::{CoreError, Result};
use crate::geometry::Rect;
use crate::options::Options;
use crate::read::Reading;
use crate::tensor::InputTensor;
use crate::timing::Timings;

/// An image on its way through the stages.
pub(super) struct Job<'a> {
    /// Its place in the caller's list.
    pub index: usize,
    pub picture: Picture,
    pub options: &'a Options,
    pub detections: Vec<Detection>,
    /// All that were found, highest score first.
    pub vehicles: Vec<Detection>,
    /// One a detection, as are `plate_scores`.
    pub readings: Vec<Reading>,
    pub plate_scores: Vec<Option<f32>>,
    /// The answer: what `settle` makes of the above.
    pub plates: Vec<PlateReading>,
    pub described: Vec<VehicleReading>,
    /// One a described vehicle: the probabilities of its type, empty where no stage tells.
    pub bodies: Vec<Vec<f32>>,
    pub timings: Timings,
    pub failure: Option<CoreError>,
}

impl<'a> Job<'a> {
    pub fn new(index: usize, picture: Picture, options: &'a Options, timings: Timings) -> Self {
        Self {
            index,
            picture,
            options,
            detections: Vec::new(),
            vehicles: Vec::new(),
            readings: Vec::new(),
            plate_scores: Vec::new(),
            plates: Vec::new(),
            described: Vec::new(),
            bodies: Vec::new(),
            timings,
            failure: None,
        }
    }

    pub fn vehicle_areas(&self) -> Vec<Rect> {
        self.vehicles.iter().map(|vehicle| vehicle.area).collect()
    }
}

/// Does `work` on a batch. Where that fails, on each member alone, so that one image's failure is not that of its
/// neighbours.
pub(super) fn isolated<T>(
    jobs: &mut [Job],
    members: &[T],
    job_of: impl Fn(&T) -> usize,
    mut work: impl FnMut(&mut [Job], &[T]) -> Result<()>,
) {
    if work(jobs, members).is_ok() {
        return;
    }
    for one in members.chunks(1) {
        let at = job_of(&one[0]);
        if jobs[at].failure.is_some() {
            continue;
        }
        if let Err(error) = work(jobs, one) {
            jobs[at].failure = Some(error);
        }
    }
}

/// Buffers whose every value is overwritten before it is read: nothing of one image reaches the next.
#[derive(Default)]
pub(super) struct Workspace {
    pub resizer: Resizer,
    pub inputs: [Option<InputTensor>; 4],
}

/// Whose input a kept buffer is.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    Plates,
    Vehicles,
    Zoom,
    Afar,
}

/// Working memory beyond this size is given back to the system; single photos need less.
const KEPT_BYTES: usize = 32 << 20;

impl Workspace {
    pub fn worth_keeping(&self) -> bool {
        let inputs: usize = self.inputs.iter().flatten().map(InputTensor::bytes).sum();
        inputs + self.resizer.size_of_internal_buffers() <= KEPT_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_fails_fails_alone() {
        let options = Options::default();
        let picture = || Picture { width: 8, height: 8, rgb: Vec::new() };
        let mut jobs: Vec<Job> = (0..3).map(|n| Job::new(n, picture(), &options, Timings::default())).collect();
        let mut done = Vec::new();
        isolated(
            &mut jobs,
            &[0, 1, 1, 2],
            |&at| at,
            |_, members| {
                if members.contains(&1) {
                    return Err(CoreError::Inference("no".into()));
                }
                done.extend_from_slice(members);
                Ok(())
            },
        );
        assert_eq!(done, [0, 2]);
        assert_eq!(jobs.iter().map(|job| job.failure.is_some()).collect::<Vec<_>>(), [false, true, false]);
    }
}
