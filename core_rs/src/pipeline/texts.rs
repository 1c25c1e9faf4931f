//! Plates to texts.

use super::Engine;
use super::job::{Job, Workspace, isolated};
use crate::deadline::Deadline;
use crate::error::{Result, guarded};
use crate::geometry::{Corners, Rect};
use crate::manifest::CropSpec;
use crate::options::Options;
use crate::read::readings;
use crate::rectify::{cut_box, cut_corners, usable};
use crate::tensor::InputTensor;
use crate::timing::{StageName, timed};

/// Plates that the reader takes at once. More gains nothing on a CPU and delays the deadline's next check.
const BATCH: usize = 32;

/// One plate to read: which job, which region of its picture.
#[derive(Clone, Copy)]
struct Plate {
    job: usize,
    area: Rect,
    corners: Option<Corners>,
}

impl Engine {
    /// Reads the plates of all jobs as one sequence of batches.
    pub(super) fn read_all(&self, jobs: &mut [Job], crop: CropSpec, deadline: Deadline, work: &mut Workspace) {
        let well = jobs.iter().enumerate().filter(|(_, job)| job.failure.is_none());
        let plates = well.flat_map(|(at, job)| {
            let plate =
                move |each: &crate::detect::Detection| Plate { job: at, area: each.area, corners: each.corners };
            job.detections.iter().map(plate)
        });
        let plates: Vec<Plate> = plates.collect();
        let batch = self.pack.reader.model.fixed_batch().unwrap_or(BATCH);
        for chunk in plates.chunks(batch) {
            isolated(
                jobs,
                chunk,
                |plate| plate.job,
                |jobs, plates| self.read_group(jobs, plates, crop, deadline, work),
            );
        }
    }

    fn read_group(
        &self,
        jobs: &mut [Job],
        chunk: &[Plate],
        crop: CropSpec,
        deadline: Deadline,
        work: &mut Workspace,
    ) -> Result<()> {
        deadline.check()?;
        let reader = &self.pack.reader;
        let spec = &reader.spec;
        let size = (spec.input.width, spec.input.height);
        let batch = reader.model.fixed_batch().unwrap_or(chunk.len());
        let (tensor, rectify_ms) = timed(|| {
            guarded("rectify", || {
                let mut tensor = InputTensor::new(&spec.input, batch, size.1 as usize, size.0 as usize);
                for (n, plate) in chunk.iter().enumerate() {
                    let picture = &jobs[plate.job].picture;
                    let pixels = match plate.corners.filter(|corners| usable(corners, plate.area)) {
                        Some(corners) => cut_corners(picture, &corners, crop, size, &mut work.resizer)?,
                        None => cut_box(picture, plate.area, crop, size, spec.input.resample, &mut work.resizer)?,
                    };
                    tensor.put(n, &pixels, size.0 as usize, 0, 0);
                }
                Ok(tensor)
            })
        });
        let tensor = tensor?;
        deadline.check()?;
        let mut names = vec![spec.output.name.as_str()];
        names.extend(spec.region.as_ref().map(|region| region.name.as_str()));
        names.extend(spec.plate.as_ref().map(|plate| plate.name.as_str()));
        let (outputs, read_ms) = timed(|| guarded("read", || reader.model.run(&tensor, &names)));
        let mut outputs = outputs?;
        let plate_scores = spec.plate.as_ref().and_then(|_| outputs.pop()).map(|output| output.values);
        let options: Vec<&Options> = chunk.iter().map(|plate| jobs[plate.job].options).collect();
        let (found, text_ms) = timed(|| guarded("text", || readings(spec, &outputs, &options)));
        let share = 1.0 / chunk.len() as f64;
        for (n, (reading, plate)) in found?.into_iter().zip(chunk).enumerate() {
            let job = &mut jobs[plate.job];
            job.readings.push(reading);
            job.plate_scores.push(plate_scores.as_ref().and_then(|scores| scores.get(n).copied()));
            job.timings.add(StageName::Rectify, rectify_ms * share);
            job.timings.add(StageName::Read, read_ms * share);
            job.timings.add(StageName::Text, text_ms * share);
        }
        Ok(())
    }
}
