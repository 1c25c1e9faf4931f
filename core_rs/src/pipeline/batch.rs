//! A call's images in groups that are bounded in number and in pixels.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::job::{Job, Workspace};
use super::{Engine, ImageReading};
use crate::deadline::Deadline;
use crate::decode::decode;
use crate::error::{Result, guarded};
use crate::options::Options;
use crate::timing::{StageName, Timings, timed};

impl Engine {
    /// Decodes images and hands them to `work` in groups that are bounded in number and in pixels, so that a call's
    /// memory is bounded by the limits of one image and not by the length of its list.
    pub(super) fn through<'a>(
        &self,
        images: &[&[u8]],
        options: &'a [Options],
        deadline: Deadline,
        work: impl Fn(&mut Vec<Job<'a>>, &mut Workspace),
    ) -> Vec<Result<ImageReading>> {
        let mut outcomes: BTreeMap<usize, Result<ImageReading>> = BTreeMap::new();
        let mut workspace = self.spare.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
        let mut group = Vec::new();
        let mut pixels = 0;
        for (index, (bytes, options)) in images.iter().zip(options).enumerate() {
            match self.opened(index, bytes, options, deadline) {
                Ok(job) => {
                    pixels += u64::from(job.picture.width) * u64::from(job.picture.height);
                    group.push(job);
                }
                Err(error) => {
                    outcomes.insert(index, Err(error));
                }
            }
            let last = index + 1 == images.len();
            if last || group.len() == self.max_batch || pixels >= self.max_pixels {
                work(&mut group, &mut workspace);
                outcomes.extend(group.drain(..).map(|job| (job.index, answer(job))));
                pixels = 0;
            }
        }
        if workspace.worth_keeping() {
            *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = Some(workspace);
        }
        outcomes.into_values().collect()
    }

    fn opened<'a>(&self, index: usize, bytes: &[u8], options: &'a Options, deadline: Deadline) -> Result<Job<'a>> {
        deadline.check()?;
        let (picture, ms) = timed(|| guarded("decode", || decode(bytes, self.max_pixels)));
        let mut timings = Timings::default();
        timings.add(StageName::Decode, ms);
        Ok(Job::new(index, picture?, options, timings))
    }
}

fn answer(job: Job) -> Result<ImageReading> {
    let Job { picture, plates, described, timings, failure, .. } = job;
    match failure {
        Some(error) => Err(error),
        None => Ok(ImageReading { width: picture.width, height: picture.height, plates, vehicles: described, timings }),
    }
}
