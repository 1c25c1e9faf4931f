//! The vehicles of the answer: type, and with `mmc` colour, orientation, make and model.

use super::Engine;
use super::job::{Job, Workspace, isolated};
use crate::classes::{UNKNOWN, UNKNOWN_COLOUR, averaged, best, models, ranking, rows};
use crate::deadline::Deadline;
use crate::error::{Result, guarded};
use crate::manifest::{AttributesSpec, CropSpec, InputSpec, MakeModelSpec};
use crate::pack::Stage;
use crate::rectify::cut_box;
use crate::session::{Model, Output};
use crate::tensor::InputTensor;
use crate::timing::{StageName, timed};

/// Vehicles that a network takes at once. More gains nothing on a CPU and delays the deadline's next check.
const BATCH: usize = 16;

/// A vehicle of a job's answer.
#[derive(Clone, Copy)]
struct Seen {
    job: usize,
    place: usize,
}

impl Engine {
    pub(super) fn describe_all(&self, jobs: &mut [Job], deadline: Deadline, work: &mut Workspace) {
        if let Some(stage) = &self.pack.attributes {
            let network = Classifier::new(&stage.model, &stage.spec.input, stage.spec.crop, StageName::Attributes);
            let names: Vec<&str> = stage.spec.properties().map(|(_, each)| each.name.as_str()).collect();
            network.over(
                jobs,
                &names,
                |_| true,
                deadline,
                work,
                |jobs, seen, outputs| attributes(&stage.spec, jobs, seen, outputs),
            );
        }
        if let Some(stage) = self.make_model.as_ref().map(|pack| &pack.stage) {
            let network = Classifier::new(&stage.model, &stage.spec.input, stage.spec.crop, StageName::MakeModel);
            let mut names = vec![stage.spec.model.name.as_str()];
            names.extend(stage.spec.body.as_ref().map(|body| body.name.as_str()));
            network.over(
                jobs,
                &names,
                |job| job.options.mmc,
                deadline,
                work,
                |jobs, seen, outputs| make_model(&stage.spec, self.pack.attributes.as_ref(), jobs, seen, outputs),
            );
        }
        let of_attributes = self.pack.attributes.as_ref().and_then(|stage| stage.spec.body.as_ref());
        let of_make_model = self.make_model.as_ref().and_then(|pack| pack.stage.spec.body.as_ref());
        let Some(body) = of_attributes.or(of_make_model) else { return };
        for job in jobs {
            for (vehicle, row) in job.described.iter_mut().zip(&job.bodies) {
                if let Some(found) = best(body, row) {
                    vehicle.body = found;
                }
            }
        }
    }
}

/// A network that looks at one vehicle.
struct Classifier<'a> {
    model: &'a Model,
    input: &'a InputSpec,
    crop: CropSpec,
    stage: StageName,
}

impl<'a> Classifier<'a> {
    fn new(model: &'a Model, input: &'a InputSpec, crop: CropSpec, stage: StageName) -> Self {
        Self { model, input, crop, stage }
    }

    /// Looks at the answers' vehicles of all jobs that are `wanted`, and gives `take` the outputs of each batch.
    fn over(
        &self,
        jobs: &mut [Job],
        names: &[&str],
        wanted: impl Fn(&Job) -> bool,
        deadline: Deadline,
        work: &mut Workspace,
        take: impl Fn(&mut [Job], &[Seen], &[Output]) -> Result<()>,
    ) {
        let well = jobs.iter().enumerate().filter(|(_, job)| job.failure.is_none() && wanted(job));
        let seen = well.flat_map(|(at, job)| (0..job.described.len()).map(move |place| Seen { job: at, place }));
        let seen: Vec<Seen> = seen.collect();
        let batch = self.model.fixed_batch().unwrap_or(BATCH);
        for chunk in seen.chunks(batch) {
            isolated(
                jobs,
                chunk,
                |each| each.job,
                |jobs, seen| {
                    let (outcome, ms) = timed(|| {
                        let outputs = self.at(jobs, names, seen, deadline, work)?;
                        guarded("describe", || take(jobs, seen, &outputs))
                    });
                    for each in seen {
                        jobs[each.job].timings.add(self.stage, ms / seen.len() as f64);
                    }
                    outcome
                },
            );
        }
    }

    fn at(
        &self,
        jobs: &[Job],
        names: &[&str],
        seen: &[Seen],
        deadline: Deadline,
        work: &mut Workspace,
    ) -> Result<Vec<Output>> {
        deadline.check()?;
        let (width, height) = (self.input.width, self.input.height);
        let batch = self.model.fixed_batch().unwrap_or(seen.len());
        let tensor = guarded("cut", || {
            let mut tensor = InputTensor::new(self.input, batch, height as usize, width as usize);
            for (n, each) in seen.iter().enumerate() {
                let job = &jobs[each.job];
                let area = job.described[each.place].area;
                let resample = self.input.resample;
                let cut = cut_box(&job.picture, area, self.crop, (width, height), resample, &mut work.resizer)?;
                tensor.put(n, &cut, width as usize, 0, 0);
            }
            Ok(tensor)
        })?;
        deadline.check()?;
        guarded("describe", || self.model.run(&tensor, names))
    }
}

fn attributes(spec: &AttributesSpec, jobs: &mut [Job], seen: &[Seen], outputs: &[Output]) -> Result<()> {
    let mut tables = Vec::new();
    for ((property, classes), output) in spec.properties().zip(outputs) {
        tables.push((property, classes, rows(output, seen.len(), classes.classes.len())?));
    }
    for (n, each) in seen.iter().enumerate() {
        let job = &mut jobs[each.job];
        let vehicle = &mut job.described[each.place];
        for (property, classes, rows) in &tables {
            match *property {
                "type" => job.bodies[each.place] = rows[n].to_vec(),
                "colour" if job.options.mmc => vehicle.colours = ranking(classes, rows[n], UNKNOWN_COLOUR),
                "orientation" if job.options.mmc => vehicle.orientations = ranking(classes, rows[n], UNKNOWN),
                _ => {}
            }
        }
    }
    Ok(())
}

fn make_model(
    spec: &MakeModelSpec,
    attributes: Option<&Stage<AttributesSpec>>,
    jobs: &mut [Job],
    seen: &[Seen],
    outputs: &[Output],
) -> Result<()> {
    let found = rows(&outputs[0], seen.len(), spec.model.classes.len())?;
    let bodies = match &spec.body {
        Some(body) => Some((body, rows(&outputs[1], seen.len(), body.classes.len())?)),
        None => None,
    };
    let first = attributes.and_then(|stage| stage.spec.body.as_ref());
    for (n, each) in seen.iter().enumerate() {
        let job = &mut jobs[each.job];
        job.described[each.place].models = models(&spec.model, found[n]);
        if let Some((body, rows)) = &bodies {
            let known = &mut job.bodies[each.place];
            *known = match first {
                Some(first) => averaged(first, known, body, rows[n]),
                None => rows[n].to_vec(),
            };
        }
    }
    Ok(())
}
