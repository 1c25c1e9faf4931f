//! Plates to texts: each in one cut, and those that the reader is not sure of in further ones.

use super::Engine;
use super::job::{Job, Workspace, isolated};
use crate::deadline::Deadline;
use crate::error::{Result, guarded};
use crate::geometry::{Corners, Rect};
use crate::manifest::CropSpec;
use crate::options::Mode;
use crate::read::{Glimpse, Reading, glimpses, output_names, plate_score, reading};
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

/// A plate with some room round it, as the reader is to see it.
#[derive(Clone, Copy)]
struct Cut {
    plate: Plate,
    crop: CropSpec,
    /// Whether it is not the plate's first.
    again: bool,
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
        let spec = &self.pack.reader.spec;
        let first: Vec<Cut> = chunk.iter().map(|&plate| Cut { plate, crop, again: false }).collect();
        let mut seen: Vec<Vec<Glimpse>> =
            self.look_at(jobs, &first, deadline, work)?.into_iter().map(|glimpse| vec![glimpse]).collect();
        let mut readings = self.texts(jobs, chunk, &seen)?;
        if let Some(reread) = &spec.reread {
            let unsure: Vec<usize> = (0..chunk.len())
                .filter(|&n| readings[n].score < reread.below && jobs[chunk[n].job].options.mode != Mode::Fast)
                .collect();
            let wider = |&(x, y): &(f32, f32)| CropSpec { margin_x: crop.margin_x + x, margin_y: crop.margin_y + y };
            let crops: Vec<CropSpec> = reread.margins.iter().map(wider).collect();
            let cuts: Vec<Cut> = unsure
                .iter()
                .flat_map(|&n| crops.iter().map(move |&crop| Cut { plate: chunk[n], crop, again: true }))
                .collect();
            let mut further = Vec::with_capacity(cuts.len());
            for cuts in cuts.chunks(self.pack.reader.model.fixed_batch().unwrap_or(BATCH)) {
                further.extend(self.look_at(jobs, cuts, deadline, work)?);
            }
            let mut further = further.into_iter();
            for &n in &unsure {
                seen[n].extend(further.by_ref().take(crops.len()));
            }
            let plates: Vec<Plate> = unsure.iter().map(|&n| chunk[n]).collect();
            let of_unsure: Vec<Vec<Glimpse>> = unsure.iter().map(|&n| seen[n].clone()).collect();
            for (&n, reading) in unsure.iter().zip(self.texts(jobs, &plates, &of_unsure)?) {
                readings[n] = reading;
            }
        }
        for ((reading, seen), plate) in readings.into_iter().zip(&seen).zip(chunk) {
            let job = &mut jobs[plate.job];
            job.readings.push(reading);
            job.plate_scores.push(plate_score(seen));
        }
        Ok(())
    }

    /// What the network says of each cut.
    fn look_at(
        &self,
        jobs: &mut [Job],
        cuts: &[Cut],
        deadline: Deadline,
        work: &mut Workspace,
    ) -> Result<Vec<Glimpse>> {
        deadline.check()?;
        let reader = &self.pack.reader;
        let spec = &reader.spec;
        let size = (spec.input.width, spec.input.height);
        let batch = reader.model.fixed_batch().unwrap_or(cuts.len());
        let (tensor, rectify_ms) = timed(|| {
            guarded("rectify", || {
                let mut tensor = InputTensor::new(&spec.input, batch, size.1 as usize, size.0 as usize);
                for (n, cut) in cuts.iter().enumerate() {
                    let Plate { job, area, corners } = cut.plate;
                    let picture = &jobs[job].picture;
                    let corners = corners.filter(|corners| usable(corners, area));
                    // Past the picture's edge a box is cut short, and the second cut would be the first.
                    let pixels = match corners.or(cut.again.then(|| area.corners())) {
                        Some(corners) => cut_corners(picture, &corners, cut.crop, size, &mut work.resizer)?,
                        None => cut_box(picture, area, cut.crop, size, spec.input.resample, &mut work.resizer)?,
                    };
                    tensor.put(n, &pixels, size.0 as usize, 0, 0);
                }
                Ok(tensor)
            })
        });
        let tensor = tensor?;
        deadline.check()?;
        let names = output_names(spec);
        let (outputs, read_ms) = timed(|| guarded("read", || reader.model.run(&tensor, &names)));
        let outputs = outputs?;
        let share = 1.0 / cuts.len() as f64;
        for cut in cuts {
            let timings = &mut jobs[cut.plate.job].timings;
            timings.add(StageName::Rectify, rectify_ms * share);
            timings.add(StageName::Read, read_ms * share);
        }
        guarded("text", || glimpses(spec, &outputs, cuts.len()))
    }

    /// A reading of each plate by what was seen of it.
    fn texts(&self, jobs: &mut [Job], plates: &[Plate], seen: &[Vec<Glimpse>]) -> Result<Vec<Reading>> {
        let spec = &self.pack.reader.spec;
        let (readings, ms) = timed(|| {
            guarded("text", || {
                Ok(plates.iter().zip(seen).map(|(plate, seen)| reading(spec, seen, jobs[plate.job].options)).collect())
            })
        });
        for plate in plates {
            jobs[plate.job].timings.add(StageName::Text, ms / plates.len() as f64);
        }
        readings
    }
}
