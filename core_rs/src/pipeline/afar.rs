//! The look from afar: plates that fill their picture. A detector knows plates of a part of its input; what is enlarged
//! to all of it, as a plate that was cut out before it was sent, it sees as a scene with many small plates.

use super::Engine;
use super::job::{Job, Slot, Workspace};
use super::look::{Look, View, share};
use crate::deadline::Deadline;
use crate::detect::Detection;
use crate::geometry::Rect;
use crate::letterbox::Frame;
use crate::manifest::AfarSpec;
use crate::nms::{merged, suppress};
use crate::options::Mode;
use crate::timing::{StageName, timed};

/// The share of its picture's width or height that a plate must have: smaller ones the first look sees better.
const LEAST_EXTENT: f32 = 0.4;

/// The share of its picture's area from which a plate fills it, so that the whole picture is a cut of the plate, too.
const FILLS: f32 = 0.55;

impl Engine {
    /// Adds plates that the first look was too near to see.
    pub(super) fn add_from_afar(&self, jobs: &mut [Job], deadline: Deadline, work: &mut Workspace) {
        let spec = &self.pack.detector.spec;
        let worth = |job: &Job| {
            let fast = job.options.mode == Mode::Fast;
            let enlarged_to = if fast { spec.input.fast().min_side } else { spec.input.min_side };
            let sure = spec.threshold.max(job.options.detection_threshold());
            // What is enlarged may be a plate that was cut out; in another picture of a plate little else is found.
            job.picture.width.max(job.picture.height) < enlarged_to
                || (!fast && job.detections.iter().all(|plate| plate.score < sure))
        };
        self.look_from_afar(jobs, worth, deadline, work, |job, found| {
            let known = std::mem::take(&mut job.detections);
            job.detections = merged(known, found, spec.nms_iou, job.options.max_plates);
        });
    }

    /// The plate of each picture that is one already cut out: where it is in it, or all of it.
    pub(super) fn place_crops(&self, jobs: &mut [Job], deadline: Deadline, work: &mut Workspace) {
        for job in jobs.iter_mut() {
            job.detections = vec![Detection { area: whole(job), corners: None, score: 1.0, class: 0 }];
        }
        let least = self.pack.detector.spec.threshold;
        self.look_from_afar(
            jobs,
            |_| true,
            deadline,
            work,
            |job, found| {
                let best = found.into_iter().find(|plate| plate.score >= least && fills(&plate.area, &whole(job)));
                if let Some(plate) = best {
                    job.detections = vec![Detection { score: 1.0, ..plate }];
                }
            },
        );
    }

    /// Gives `take` the large plates, best first, of each picture that is `worth` the look.
    fn look_from_afar(
        &self,
        jobs: &mut [Job],
        worth: impl Fn(&Job) -> bool,
        deadline: Deadline,
        work: &mut Workspace,
        take: impl Fn(&mut Job, Vec<Detection>),
    ) {
        let detector = &self.pack.detector;
        let Some(afar) = detector.spec.afar else { return };
        let well = jobs.iter().enumerate().filter(|(_, job)| job.failure.is_none() && worth(job));
        let views = well.map(|(at, job)| View { job: at, frame: frame(afar, detector.spec.input.multiple, job) });
        let look = Look {
            model: &detector.model,
            input: &detector.spec.input,
            outputs: &[&detector.spec.output.name],
            slot: Slot::Afar,
            stages: (StageName::Letterbox, StageName::Detect),
        };
        look.over(jobs, views.collect(), self.max_batch, deadline, work, |jobs, views, outputs| {
            let (found, ms) = timed(|| self.plates_in(jobs, views, &outputs[0]));
            for (mut found, view) in found?.into_iter().zip(views) {
                let job = &mut jobs[view.job];
                found.retain(|plate| extends(&plate.area, &whole(job)));
                let found = suppress(found, detector.spec.nms_iou, job.options.max_plates);
                take(job, found);
            }
            share(jobs, views, StageName::Boxes, ms);
            Ok(())
        });
    }
}

/// The whole picture, small, with padding on all sides: a plate's corners may lie past the picture's edge.
fn frame(spec: AfarSpec, multiple: u32, job: &Job) -> Frame {
    let (wide, high) = (job.picture.width, job.picture.height);
    let scale = f64::from(spec.side) / f64::from(wide.max(high));
    let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
    let padded = |side: u32| (side + 2 * spec.margin).div_ceil(multiple) * multiple;
    let (width, height) = (scaled(wide), scaled(high));
    let (input_width, input_height) = (padded(width), padded(height));
    Frame {
        input_width,
        input_height,
        width,
        height,
        left: (input_width - width) / 2,
        top: (input_height - height) / 2,
        source_width: wide,
        source_height: high,
        source_left: 0,
        source_top: 0,
    }
}

pub(super) fn whole(job: &Job) -> Rect {
    Rect { x1: 0.0, y1: 0.0, x2: job.picture.width as f32, y2: job.picture.height as f32 }
}

fn extends(area: &Rect, picture: &Rect) -> bool {
    area.width() >= LEAST_EXTENT * picture.width() || area.height() >= LEAST_EXTENT * picture.height()
}

/// Whether the picture is hardly more than this plate.
pub(super) fn fills(area: &Rect, picture: &Rect) -> bool {
    area.area() >= FILLS * picture.area()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Picture;
    use crate::options::Options;
    use crate::timing::Timings;

    #[test]
    fn the_whole_picture_is_seen_small_and_with_room_round_it() {
        let options = Options::default();
        let spec = AfarSpec { side: 160, margin: 32 };
        let planned = |width, height| {
            let picture = Picture { width, height, rgb: Vec::new() };
            frame(spec, 32, &Job::new(0, picture, &options, Timings::default()))
        };
        let small = planned(80, 30);
        assert_eq!((small.width, small.height, small.input_width, small.input_height), (160, 60, 224, 128));
        assert_eq!((small.left, small.top), (32, 34));
        let large = planned(1200, 1600);
        assert_eq!((large.width, large.height, large.input_width, large.input_height), (120, 160, 192, 224));
        assert_eq!(planned(60_000, 8).height, 1);
    }

    #[test]
    fn a_plate_is_large_by_either_side() {
        let area = |x1, y1, x2, y2| Rect { x1, y1, x2, y2 };
        let picture = area(0.0, 0.0, 100.0, 50.0);
        assert!(extends(&area(0.0, 0.0, 41.0, 5.0), &picture));
        assert!(extends(&area(0.0, 0.0, 10.0, 21.0), &picture));
        assert!(!extends(&area(0.0, 0.0, 30.0, 15.0), &picture));
        assert!(fills(&area(5.0, 5.0, 95.0, 45.0), &picture));
        assert!(!fills(&area(25.0, 10.0, 75.0, 40.0), &picture));
    }
}
