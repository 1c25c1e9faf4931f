//! The second look: vehicles without a plate, on their own and larger than the first look saw them.

use super::Engine;
use super::job::{Job, Slot, Workspace};
use super::look::{Look, View, share};
use crate::deadline::Deadline;
use crate::detect::Detection;
use crate::geometry::Rect;
use crate::letterbox::Frame;
use crate::manifest::{Fit, InputSpec};
use crate::nms::{merged, suppress};
use crate::options::Mode;
use crate::tie::vehicle_of;
use crate::timing::{StageName, timed};

/// The longer side of a vehicle's cut, at most, in the network's input. A plate is a fifth of its vehicle's width in the
/// middle of labelled photos, so it has some 50 pixels here; four such cuts cost about half of a first look.
const LONGER_SIDE: u32 = 256;

/// Cuts that the network takes at once: they are small, and one image has few.
const BATCH: usize = 8;

/// The second look has to be larger than the first by this factor, or it would see nothing new.
const GAIN: f32 = 1.5;

/// Plates of vehicles with a shorter longer side, in pixels of the picture, cannot be read.
const LEAST_SIDE: f32 = 96.0;

/// Added around a vehicle's box, as shares of its sides: boxes are not exact, and bumpers carry plates.
const MARGIN: f32 = 0.06;

impl Engine {
    pub(super) fn zoom_all(&self, jobs: &mut [Job], deadline: Deadline, work: &mut Workspace) {
        let detector = &self.pack.detector;
        let input = zoomed(&detector.spec.input);
        let well = jobs.iter().enumerate().filter(|(_, job)| job.failure.is_none());
        let views: Vec<View> = well
            .flat_map(|(at, job)| self.parts(job, &input).into_iter().map(move |frame| View { job: at, frame }))
            .collect();
        if views.is_empty() {
            return;
        }
        let look = Look {
            model: &detector.model,
            input: &input,
            outputs: &[&detector.spec.output.name],
            slot: Slot::Zoom,
            stages: (StageName::Zoom, StageName::Zoom),
        };
        look.over(jobs, views, BATCH, deadline, work, |jobs, views, outputs| {
            let (found, ms) = timed(|| self.plates_in(jobs, views, &outputs[0]));
            for (found, view) in found?.into_iter().zip(views) {
                self.add(&mut jobs[view.job], found, &view.frame.source());
            }
            share(jobs, views, StageName::Zoom, ms);
            Ok(())
        });
    }

    /// The parts of a picture that are worth a second look, those of the largest vehicles first.
    fn parts(&self, job: &Job, input: &InputSpec) -> Vec<Frame> {
        if job.options.mode == Mode::Fast || job.options.zoom_in_vehicles == 0 || job.vehicles.is_empty() {
            return Vec::new();
        }
        let spec = &self.pack.detector.spec;
        let first = Frame::plan(&spec.input, job.picture.width, job.picture.height).scale();
        let sure = spec.threshold.max(job.options.detection_threshold());
        let vehicles = job.vehicle_areas();
        let plates = job.detections.iter().filter(|plate| plate.score >= sure);
        let done: Vec<usize> = plates.filter_map(|plate| vehicle_of(&plate.area, &vehicles)).collect();
        let bare = vehicles.iter().enumerate().filter(|(n, _)| !done.contains(n)).map(|(_, area)| area);
        let mut worthy: Vec<&Rect> = bare.filter(|area| area.width().max(area.height()) >= LEAST_SIDE).collect();
        worthy.sort_by(|a, b| b.area().total_cmp(&a.area()));
        let frames = worthy.into_iter().map(|area| Frame::plan_part(input, part(*area, job)));
        frames.filter(|frame| frame.scale() >= GAIN * first).take(job.options.zoom_in_vehicles).collect()
    }

    /// Adds what a second look at the part `source` found to what is known of the picture.
    fn add(&self, job: &mut Job, mut found: Vec<Detection>, source: &Rect) {
        let spec = &self.pack.detector.spec;
        let (width, height) = (job.picture.width as f32, job.picture.height as f32);
        // A neighbour's plate that the cut divides must not stand in for the whole plate.
        found.retain(|plate| !divided(&plate.area, source, width, height));
        let known = std::mem::take(&mut job.detections);
        let found = suppress(found, spec.nms_iou, job.options.max_plates);
        job.detections = merged(known, found, spec.nms_iou, job.options.max_plates);
    }
}

/// Whether a box ends where the part of the picture does, and the picture goes on there.
fn divided(area: &Rect, part: &Rect, width: f32, height: f32) -> bool {
    (part.x1 > 0.0 && area.x1 <= part.x1 + 1.0)
        || (part.y1 > 0.0 && area.y1 <= part.y1 + 1.0)
        || (part.x2 < width && area.x2 >= part.x2 - 1.0)
        || (part.y2 < height && area.y2 >= part.y2 - 1.0)
}

/// The detector's input for a vehicle's cut: never enlarged, and small.
fn zoomed(input: &InputSpec) -> InputSpec {
    if input.fit != Fit::LetterboxDynamic {
        return input.clone();
    }
    let max_side = LONGER_SIDE.min(input.max_side);
    InputSpec { max_side, min_side: 1, ..input.clone() }
}

/// The whole pixels (left, top, width, height) of a vehicle with its margin.
fn part(area: Rect, job: &Job) -> (u32, u32, u32, u32) {
    let wide = area.widened(MARGIN, MARGIN).clipped(job.picture.width as f32, job.picture.height as f32);
    let (left, top) = (wide.x1.floor() as u32, wide.y1.floor() as u32);
    let width = (wide.x2.ceil() as u32).min(job.picture.width).saturating_sub(left).max(1);
    let height = (wide.y2.ceil() as u32).min(job.picture.height).saturating_sub(top).max(1);
    (left.min(job.picture.width - width), top.min(job.picture.height - height), width, height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Picture;
    use crate::options::Options;
    use crate::timing::Timings;

    fn input(fit: &str) -> InputSpec {
        toml::from_str(&format!("fit = '{fit}'\nmin_side = 640\nmax_side = 800\nwidth = 416\nheight = 416")).unwrap()
    }

    #[test]
    fn a_cut_is_small_and_never_enlarged() {
        let input = zoomed(&input("letterbox-dynamic"));
        let large = Frame::plan_part(&input, (0, 0, 1024, 512));
        assert_eq!((large.width, large.height), (256, 128));
        let small = Frame::plan_part(&input, (0, 0, 150, 100));
        assert_eq!((small.width, small.height, small.input_width, small.input_height), (150, 100, 160, 128));
        assert_eq!(Frame::plan_part(&zoomed(&super::tests::input("letterbox")), (0, 0, 150, 100)).input_width, 416);
    }

    #[test]
    fn a_plate_that_the_cut_divides_is_no_find() {
        let area = |x1, y1, x2, y2| Rect { x1, y1, x2, y2 };
        let part = area(100.0, 0.0, 300.0, 200.0);
        assert!(!divided(&area(150.0, 50.0, 200.0, 60.0), &part, 640.0, 480.0));
        assert!(divided(&area(100.0, 50.0, 130.0, 60.0), &part, 640.0, 480.0));
        assert!(divided(&area(280.0, 50.0, 300.0, 60.0), &part, 640.0, 480.0));
        assert!(divided(&area(150.0, 190.0, 180.0, 200.0), &part, 640.0, 480.0));
        // The picture's own edge divides nothing that could be seen whole.
        assert!(!divided(&area(150.0, 0.0, 200.0, 10.0), &part, 640.0, 480.0));
        assert!(!divided(&area(280.0, 50.0, 300.0, 60.0), &part, 300.0, 480.0));
    }

    #[test]
    fn a_part_has_a_margin_and_stays_inside() {
        let options = Options::default();
        let picture = Picture { width: 1000, height: 500, rgb: Vec::new() };
        let job = Job::new(0, picture, &options, Timings::default());
        let area = |x1, y1, x2, y2| Rect { x1, y1, x2, y2 };
        assert_eq!(part(area(100.0, 100.0, 200.0, 150.0), &job), (94, 97, 112, 56));
        assert_eq!(part(area(900.0, 400.0, 1000.0, 500.0), &job), (894, 394, 106, 106));
        assert_eq!(part(area(0.0, 0.0, 1000.0, 500.0), &job), (0, 0, 1000, 500));
    }
}
