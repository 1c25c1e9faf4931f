//! The first look: plates in whole pictures, and vehicles where the same network finds them.

use super::Engine;
use super::job::{Job, Slot, Workspace};
use super::look::{Look, View, share};
use super::vehicles::vehicles_in;
use crate::deadline::Deadline;
use crate::detect::{Detection, detections};
use crate::error::{Result, guarded};
use crate::letterbox::Frame;
use crate::nms::suppress;
use crate::options::Mode;
use crate::pack::VehicleDetector;
use crate::session::Output;
use crate::timing::{StageName, timed};

impl Engine {
    pub(super) fn detect_all(&self, jobs: &mut [Job], deadline: Deadline, work: &mut Workspace) {
        let detector = &self.pack.detector;
        let fast = detector.spec.input.fast();
        let views = jobs.iter().enumerate().map(|(at, job)| {
            let input = if job.options.mode == Mode::Fast { &fast } else { &detector.spec.input };
            View { job: at, frame: Frame::plan(input, job.picture.width, job.picture.height) }
        });
        let views = views.collect();
        let shared = self.pack.vehicles.as_ref().filter(|vehicles| vehicles.own.is_none());
        let mut outputs = vec![detector.spec.output.name.as_str()];
        outputs.extend(shared.map(|vehicles| vehicles.output.name.as_str()));
        let look = Look {
            model: &detector.model,
            input: &detector.spec.input,
            outputs: &outputs,
            slot: Slot::Plates,
            stages: (StageName::Letterbox, StageName::Detect),
        };
        look.over(jobs, views, self.max_batch, deadline, work, |jobs, views, outputs| {
            self.take_boxes(jobs, views, outputs, shared)
        });
    }

    fn take_boxes(
        &self,
        jobs: &mut [Job],
        views: &[View],
        outputs: &[Output],
        shared: Option<&VehicleDetector>,
    ) -> Result<()> {
        let (plates, boxes_ms) = timed(|| self.plates_in(jobs, views, &outputs[0]));
        let plates = plates?;
        let (vehicles, vehicles_ms) = timed(|| shared.map(|detector| vehicles_in(detector, &outputs[1], views)));
        let vehicles = vehicles.transpose()?;
        for (found, view) in plates.into_iter().zip(views) {
            let job = &mut jobs[view.job];
            job.detections = suppress(found, self.pack.detector.spec.nms_iou, job.options.max_plates);
        }
        for (found, view) in vehicles.into_iter().flatten().zip(views) {
            jobs[view.job].vehicles = found;
        }
        share(jobs, views, StageName::Boxes, boxes_ms);
        if shared.is_some() {
            share(jobs, views, StageName::Vehicles, vehicles_ms);
        }
        Ok(())
    }

    /// What may be plates in each view, not yet suppressed.
    pub(super) fn plates_in(&self, jobs: &[Job], views: &[View], output: &Output) -> Result<Vec<Vec<Detection>>> {
        let spec = &self.pack.detector.spec;
        guarded("boxes", || {
            let frames: Vec<Frame> = views.iter().map(|view| view.frame).collect();
            // What the reader may still raise over the caller's threshold has to reach the reader.
            let floor = self.pack.reader.spec.plate.as_ref().map_or(f32::INFINITY, |plate| plate.floor);
            let thresholds: Vec<f32> =
                views.iter().map(|view| jobs[view.job].options.detection_threshold().min(floor)).collect();
            detections(spec.kind, &spec.output, output, &frames, &thresholds)
        })
    }
}
