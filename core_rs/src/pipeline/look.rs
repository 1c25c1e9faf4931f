//! A detector over parts of pictures, batched by the size of its input.

use std::collections::BTreeMap;

use super::job::{Job, Slot, Workspace, isolated};
use crate::deadline::Deadline;
use crate::error::{Result, guarded};
use crate::letterbox::{self, Frame};
use crate::manifest::InputSpec;
use crate::session::{Model, Output};
use crate::tensor::InputTensor;
use crate::timing::{StageName, timed};

/// A part of a job's picture.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub job: usize,
    pub frame: Frame,
}

/// A detector's network, and what of it is wanted.
pub(super) struct Look<'a> {
    pub model: &'a Model,
    pub input: &'a InputSpec,
    pub outputs: &'a [&'a str],
    pub slot: Slot,
    /// What its input's and what its network's time count for.
    pub stages: (StageName, StageName),
}

impl Look<'_> {
    /// Looks at all views, at most `most` at once, and gives `take` the outputs of each batch with its views.
    pub fn over(
        &self,
        jobs: &mut [Job],
        views: Vec<View>,
        most: usize,
        deadline: Deadline,
        work: &mut Workspace,
        take: impl Fn(&mut [Job], &[View], &[Output]) -> Result<()>,
    ) {
        let mut groups: BTreeMap<(u32, u32), Vec<View>> = BTreeMap::new();
        for view in views {
            groups.entry((view.frame.input_height, view.frame.input_width)).or_default().push(view);
        }
        let batch = self.model.fixed_batch().unwrap_or(most);
        for chunk in groups.values().flat_map(|members| members.chunks(batch)) {
            isolated(
                jobs,
                chunk,
                |view| view.job,
                |jobs, views| {
                    let outputs = self.at(jobs, views, deadline, work)?;
                    take(jobs, views, &outputs)
                },
            );
        }
    }

    /// The outputs for views of one input size.
    fn at(&self, jobs: &mut [Job], views: &[View], deadline: Deadline, work: &mut Workspace) -> Result<Vec<Output>> {
        deadline.check()?;
        let first = views[0].frame;
        let (height, width) = (first.input_height as usize, first.input_width as usize);
        let batch = self.model.fixed_batch().unwrap_or(views.len());
        let slot = self.slot as usize;
        let (tensor, input_ms) = timed(|| {
            guarded("letterbox", || {
                let used = work.inputs[slot].take().filter(|used| used.holds(batch, height, width));
                let mut tensor = used.unwrap_or_else(|| InputTensor::new(self.input, batch, height, width));
                for (n, view) in views.iter().enumerate() {
                    let picture = &jobs[view.job].picture;
                    letterbox::fill(&mut tensor, n, picture, &view.frame, self.input, &mut work.resizer)?;
                }
                Ok(tensor)
            })
        });
        let tensor = tensor?;
        deadline.check()?;
        let (outputs, network_ms) = timed(|| guarded("detect", || self.model.run(&tensor, self.outputs)));
        work.inputs[slot] = Some(tensor);
        let outputs = outputs?;
        share(jobs, views, self.stages.0, input_ms);
        share(jobs, views, self.stages.1, network_ms);
        Ok(outputs)
    }
}

/// Counts time that a batch took for the jobs of its views.
pub(super) fn share(jobs: &mut [Job], views: &[View], stage: StageName, ms: f64) {
    for view in views {
        jobs[view.job].timings.add(stage, ms / views.len() as f64);
    }
}
