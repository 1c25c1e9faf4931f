//! Plates to texts: each in one cut, and those that the reader is not sure of in further ones.

use super::Engine;
use super::afar::{fills, whole};
use super::job::{Job, Workspace, isolated};
use crate::deadline::Deadline;
use crate::dscore::combined;
use crate::error::{Result, guarded};
use crate::geometry::{Corners, Rect};
use crate::manifest::CropSpec;
use crate::options::{Mode, Options};
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
    /// Its picture, where that is hardly more than the plate.
    picture: Option<Rect>,
}

impl Plate {
    fn first_cuts(&self, crop: CropSpec) -> Vec<Cut> {
        let Self { job, area, corners, picture, .. } = *self;
        let whole = picture.map(|area| Cut { job, area, corners: None, crop: CropSpec::default(), again: false });
        let own =
            (corners.is_some() || picture != Some(area)).then_some(Cut { job, area, corners, crop, again: false });
        own.into_iter().chain(whole).collect()
    }

    /// Corners may be wrong where the box is right: of a steep plate they cut characters off. A plate that fills its
    /// picture was seen in both.
    fn further_cuts(&self, crop: CropSpec, margins: &[(f32, f32)]) -> Vec<Cut> {
        let first = self.first_cuts(crop)[0];
        if first.corners.is_some() && self.picture.is_none() {
            return vec![Cut { corners: None, ..first }];
        }
        let wider = |(x, y): &(f32, f32)| {
            let crop = CropSpec { margin_x: first.crop.margin_x + x, margin_y: first.crop.margin_y + y };
            Cut { crop, again: true, ..first }
        };
        margins.iter().map(wider).collect()
    }
}

/// A plate with some room round it, as the reader is to see it.
#[derive(Clone, Copy)]
struct Cut {
    job: usize,
    area: Rect,
    corners: Option<Corners>,
    crop: CropSpec,
    /// Whether it is not the plate's first.
    again: bool,
}

impl Engine {
    /// Reads the plates of all jobs as one sequence of batches.
    pub(super) fn read_all(&self, jobs: &mut [Job], deadline: Deadline, work: &mut Workspace) {
        let well = jobs.iter().enumerate().filter(|(_, job)| job.failure.is_none());
        let from_afar = self.pack.detector.spec.afar.is_some();
        let plates = well.flat_map(|(at, job)| {
            let picture = whole(job);
            let plate = move |each: &crate::detect::Detection| Plate {
                job: at,
                score: each.score,
                area: each.area,
                corners: each.corners.filter(|corners| usable(corners, each.area)),
                picture: (each.area == picture || from_afar && fills(&each.area, &picture)).then_some(picture),
            };
            job.detections.iter().map(plate)
        });
        let plates: Vec<Plate> = plates.collect();
        let batch = self.pack.reader.model.fixed_batch().unwrap_or(BATCH);
        for chunk in plates.chunks(batch) {
            isolated(jobs, chunk, |plate| plate.job, |jobs, plates| self.read_group(jobs, plates, deadline, work));
        }
    }

    fn read_group(&self, jobs: &mut [Job], chunk: &[Plate], deadline: Deadline, work: &mut Workspace) -> Result<()> {
        let crop = self.pack.reader.spec.crop;
        let cuts: Vec<_> = chunk.iter().map(|plate| plate.first_cuts(crop)).collect();
        let mut seen = self.look_at_each(jobs, &cuts, deadline, work)?;
        let mut readings = Vec::with_capacity(chunk.len());
        for (plate, seen) in chunk.iter().zip(&seen) {
            readings.push(self.text(jobs, plate, seen)?);
        }
        // Of whether it is a plate at all, the first cuts tell: a further one shows the characters.
        let shown: Vec<_> = seen.iter().map(|seen| plate_score(seen)).collect();
        if let Some(spec) = &self.pack.reader.spec.reread {
            let (low, high) = spec.between;
            let mut unsure = Vec::new();
            for (n, plate) in chunk.iter().enumerate() {
                if !self.worth_another_look(jobs, plate, shown[n]) {
                    continue;
                }
                let options = jobs[plate.job].options;
                // The caller's regions must not decide how closely a plate is looked at.
                let score = if options.regions.is_empty() && !options.region_strict {
                    readings[n].score
                } else {
                    let unasked = Options { regions: Vec::new(), region_strict: false, ..options.clone() };
                    self.text_by(jobs, plate, &seen[n], &unasked)?.score
                };
                if (low..high).contains(&score) {
                    unsure.push(n);
                }
            }
            let cuts: Vec<_> = unsure.iter().map(|&n| chunk[n].further_cuts(crop, &spec.margins)).collect();
            let further = self.look_at_each(jobs, &cuts, deadline, work)?;
            for (n, further) in unsure.into_iter().zip(further) {
                seen[n].extend(further);
                readings[n] = self.text(jobs, &chunk[n], &seen[n])?;
            }
        }
        for ((reading, shown), plate) in readings.into_iter().zip(shown).zip(chunk) {
            let job = &mut jobs[plate.job];
            job.readings.push(match &self.pack.reader.spec.score {
                Some(spec) => reading.raised(spec),
                None => reading,
            });
            job.plate_scores.push(shown);
        }
        Ok(())
    }

    /// Whether it will be in the answer, and the caller has the time.
    fn worth_another_look(&self, jobs: &[Job], plate: &Plate, shown: Option<f32>) -> bool {
        let options = jobs[plate.job].options;
        let spec = self.pack.reader.spec.plate.as_ref();
        let dscore = spec.map_or(plate.score, |spec| combined(spec, plate.score, shown.unwrap_or(0.5)));
        options.mode != Mode::Fast && dscore >= options.detection_threshold()
    }

    /// What the network says of each plate's cuts.
    fn look_at_each(
        &self,
        jobs: &mut [Job],
        cuts: &[Vec<Cut>],
        deadline: Deadline,
        work: &mut Workspace,
    ) -> Result<Vec<Vec<Glimpse>>> {
        let counts: Vec<usize> = cuts.iter().map(Vec::len).collect();
        let mut seen = Vec::new();
        for cuts in cuts.concat().chunks(self.pack.reader.model.fixed_batch().unwrap_or(BATCH)) {
            seen.extend(self.look_at(jobs, cuts, deadline, work)?);
        }
        let mut seen = seen.into_iter();
        Ok(counts.into_iter().map(|count| seen.by_ref().take(count).collect()).collect())
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
                    let Cut { job, area, corners, .. } = *cut;
                    let picture = &jobs[job].picture;
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
            let timings = &mut jobs[cut.job].timings;
            timings.add(StageName::Rectify, rectify_ms * share);
            timings.add(StageName::Read, read_ms * share);
        }
        guarded("text", || glimpses(spec, &outputs, cuts.len()))
    }

    /// The reading of a plate by what was seen of it.
    fn text(&self, jobs: &mut [Job], plate: &Plate, seen: &[Glimpse]) -> Result<Reading> {
        self.text_by(jobs, plate, seen, jobs[plate.job].options)
    }

    /// As `text`, by other options than the request's.
    fn text_by(&self, jobs: &mut [Job], plate: &Plate, seen: &[Glimpse], options: &Options) -> Result<Reading> {
        let (reading, ms) = timed(|| guarded("text", || Ok(reading(&self.pack.reader.spec, seen, options))));
        jobs[plate.job].timings.add(StageName::Text, ms);
        reading
    }
}
