//! Plates to texts: each in one cut, and those that the reader is not sure of in further ones.

use super::Engine;
use super::job::{Job, Workspace, isolated};
use crate::deadline::Deadline;
use crate::dscore::combined;
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
    /// The detector's score.
    score: f32,
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
            let plate = move |each: &crate::detect::Detection| Plate {
                job: at,
                score: each.score,
                area: each.area,
                corners: each.corners,
            };
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
        let cuts: Vec<Cut> = chunk.iter().map(|&plate| Cut { plate, crop, again: false }).collect();
        let first = self.look_at(jobs, &cuts, deadline, work)?;
        let mut seen: Vec<Vec<Glimpse>> = first.into_iter().map(|glimpse| vec![glimpse]).collect();
        let mut readings = Vec::with_capacity(chunk.len());
        for (plate, seen) in chunk.iter().zip(&seen) {
            readings.push(self.text(jobs, plate, seen)?);
        }
        if let Some(spec) = &self.pack.reader.spec.reread {
            let (low, high) = spec.between;
            let unsure = |n: &usize| {
                (low..high).contains(&readings[*n].score) && self.worth_another_look(jobs, &chunk[*n], &seen[*n])
            };
            let unsure: Vec<usize> = (0..chunk.len()).filter(unsure).collect();
            let again = |&n: &usize| {
                spec.margins.iter().map(move |(x, y)| {
                    let crop = CropSpec { margin_x: crop.margin_x + x, margin_y: crop.margin_y + y };
                    Cut { plate: chunk[n], crop, again: true }
                })
            };
            let cuts: Vec<Cut> = unsure.iter().flat_map(again).collect();
            let mut further = Vec::with_capacity(cuts.len());
            for cuts in cuts.chunks(self.pack.reader.model.fixed_batch().unwrap_or(BATCH)) {
                further.extend(self.look_at(jobs, cuts, deadline, work)?);
            }
            let mut further = further.into_iter();
            for n in unsure {
                seen[n].extend(further.by_ref().take(spec.margins.len()));
                readings[n] = self.text(jobs, &chunk[n], &seen[n])?;
            }
        }
        for ((reading, seen), plate) in readings.into_iter().zip(&seen).zip(chunk) {
            let job = &mut jobs[plate.job];
            job.readings.push(reading);
            job.plate_scores.push(plate_score(seen));
        }
        Ok(())
    }

    /// Whether it will be in the answer, and the caller has the time.
    fn worth_another_look(&self, jobs: &[Job], plate: &Plate, seen: &[Glimpse]) -> bool {
        let options = jobs[plate.job].options;
        let spec = self.pack.reader.spec.plate.as_ref();
        let dscore = spec.map_or(plate.score, |spec| combined(spec, plate.score, plate_score(seen).unwrap_or(0.5)));
        options.mode != Mode::Fast && dscore >= options.detection_threshold()
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
                    let Plate { job, area, corners, .. } = cut.plate;
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

    /// The reading of a plate by what was seen of it.
    fn text(&self, jobs: &mut [Job], plate: &Plate, seen: &[Glimpse]) -> Result<Reading> {
        let job = &mut jobs[plate.job];
        let (reading, ms) = timed(|| guarded("text", || Ok(reading(&self.pack.reader.spec, seen, job.options))));
        job.timings.add(StageName::Text, ms);
        reading
    }
}
