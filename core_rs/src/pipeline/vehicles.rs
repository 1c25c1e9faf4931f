//! Vehicles in whole pictures.

use super::Engine;
use super::job::{Job, Slot, Workspace};
use super::look::{Look, View, share};
use crate::deadline::Deadline;
use crate::detect::{Detection, detections};
use crate::error::{Result, guarded};
use crate::letterbox::Frame;
use crate::nms::suppress;
use crate::options::Mode;
use crate::pack::VehicleDetector;
use crate::session::Output;
use crate::timing::{StageName, timed};

/// Most vehicles of one picture. It bounds the work on each, whatever the picture.
const MAX_VEHICLES: usize = 64;

impl Engine {
    /// Runs the vehicles' own network, where the pack has one; those of a shared network come with the plates.
    pub(super) fn detect_vehicles(&self, jobs: &mut [Job], deadline: Deadline, work: &mut Workspace) {
        let Some(detector) = &self.pack.vehicles else { return };
        let Some(own) = &detector.own else { return };
        let fast = own.input.fast();
        let well = jobs.iter().enumerate().filter(|(_, job)| job.failure.is_none());
        let views = well.map(|(at, job)| {
            let input = if job.options.mode == Mode::Fast { &fast } else { &own.input };
            View { job: at, frame: Frame::plan(input, job.picture.width, job.picture.height) }
        });
        let views = views.collect();
        let look = Look {
            model: &own.model,
            input: &own.input,
            outputs: &[&detector.output.name],
            slot: Slot::Vehicles,
            stages: (StageName::Vehicles, StageName::Vehicles),
        };
        look.over(jobs, views, self.max_batch, deadline, work, |jobs, views, outputs| {
            let (found, ms) = timed(|| vehicles_in(detector, &outputs[0], views));
            for (found, view) in found?.into_iter().zip(views) {
                jobs[view.job].vehicles = found;
            }
            share(jobs, views, StageName::Vehicles, ms);
            Ok(())
        });
    }
}

/// The vehicles of each view, highest score first.
pub(super) fn vehicles_in(detector: &VehicleDetector, output: &Output, views: &[View]) -> Result<Vec<Vec<Detection>>> {
    guarded("vehicles", || {
        let frames: Vec<Frame> = views.iter().map(|view| view.frame).collect();
        let thresholds = vec![detector.threshold; views.len()];
        let found = detections(detector.kind, &detector.output, output, &frames, &thresholds)?;
        let distinct = |boxes: Vec<Detection>| {
            // A vehicle is one, whatever classes its network gives it.
            let boxes = boxes.into_iter().map(|each| Detection { class: 0, ..each }).collect();
            suppress(boxes, detector.nms_iou, MAX_VEHICLES)
        };
        Ok(found.into_iter().map(distinct).collect())
    })
}
