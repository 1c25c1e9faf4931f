//! A batch of encoded images in, one reading or one error each out.

mod afar;
mod answer;
mod batch;
mod describe;
mod job;
mod look;
mod plates;
mod texts;
mod vehicles;
mod zoom;

use std::path::Path;
use std::sync::Mutex;

use crate::classes::Model;
use crate::deadline::Deadline;
use crate::error::{CoreError, Result};
use crate::geometry::{Corners, Rect};
use crate::options::Options;
use crate::pack::{self, MANIFEST, MakeModelPack, Pack};
use crate::provider::Placement;
use crate::read::Reading;
use crate::session;
use crate::templates;
use crate::timing::Timings;
use job::Workspace;

#[derive(Debug, Clone)]
pub struct PlateReading {
    /// Pixels of the upright picture, inside it.
    pub area: Rect,
    pub corners: Option<Corners>,
    pub dscore: f32,
    /// The reader's own opinion on whether this is a plate, where the pack has one.
    pub plate_score: Option<f32>,
    pub reading: Reading,
    /// Place of its vehicle in `ImageReading::vehicles`.
    pub vehicle: Option<usize>,
}

/// A vehicle; what the pack cannot tell of it is `Unknown` or empty.
#[derive(Debug, Clone, PartialEq)]
pub struct VehicleReading {
    /// Pixels of the upright picture, inside it.
    pub area: Rect,
    pub score: f32,
    /// Its type and that type's probability, 0 for `Unknown`.
    pub body: (String, f32),
    /// Names and probabilities, best first.
    pub colours: Vec<(String, f32)>,
    pub orientations: Vec<(String, f32)>,
    pub models: Vec<Model>,
}

#[derive(Debug, Clone)]
pub struct ImageReading {
    /// Size of the upright picture in pixels.
    pub width: u32,
    pub height: u32,
    /// Highest detection score first.
    pub plates: Vec<PlateReading>,
    /// Highest score first.
    pub vehicles: Vec<VehicleReading>,
    pub timings: Timings,
}

pub struct Engine {
    pub pack: Pack,
    pub make_model: Option<MakeModelPack>,
    max_pixels: u64,
    max_batch: usize,
    /// Working memory of calls that are over, so that the next one need not ask the system for it.
    spare: Mutex<Option<Workspace>>,
}

impl Engine {
    /// Loads the pack in `folder` and, where it is given, the make-model pack in `make_model`.
    pub fn open(
        folder: &Path,
        make_model: Option<&Path>,
        placement: &Placement,
        max_pixels: u64,
        max_batch: usize,
    ) -> Result<Self> {
        session::check(placement)?;
        // Here, so that the first picture need not wait for the tables.
        templates::prepare();
        let pack = pack::load(folder, placement)?;
        let make_model = make_model.map(|folder| beside(&pack, folder, placement)).transpose()?;
        Ok(Self { pack, make_model, max_pixels, max_batch: max_batch.max(1), spare: Mutex::new(None) })
    }

    /// Reads all images; `options` has one entry an image. The answers keep the order.
    #[must_use]
    pub fn recognise(&self, images: &[&[u8]], options: &[Options], deadline: Deadline) -> Vec<Result<ImageReading>> {
        self.through(images, options, deadline, |jobs, work| {
            self.detect_all(jobs, deadline, work);
            self.add_from_afar(jobs, deadline, work);
            self.detect_vehicles(jobs, deadline, work);
            self.zoom_all(jobs, deadline, work);
            self.obey_rule(jobs);
            self.read_all(jobs, deadline, work);
            for job in jobs.iter_mut() {
                self.settle(job);
            }
            self.describe_all(jobs, deadline, work);
        })
    }

    /// Reads images that are plates already cut out: one plate each, the whole picture where none is seen in it.
    #[must_use]
    pub fn read_crops(&self, images: &[&[u8]], options: &[Options], deadline: Deadline) -> Vec<Result<ImageReading>> {
        self.through(images, options, deadline, |jobs, work| {
            self.place_crops(jobs, deadline, work);
            self.read_all(jobs, deadline, work);
            for job in jobs.iter_mut() {
                job.plates = answer::assembled(job);
            }
        })
    }
}

/// Loads a make-model pack for use beside `pack`: two opinions on the type must be on the same classes.
fn beside(pack: &Pack, folder: &Path, placement: &Placement) -> Result<MakeModelPack> {
    let make_model = pack::load_make_model(folder, placement)?;
    let ours = pack.attributes.as_ref().and_then(|stage| stage.spec.body.as_ref());
    if let (Some(ours), Some(theirs)) = (ours, &make_model.stage.spec.body) {
        let (mut a, mut b) = (ours.classes.clone(), theirs.classes.clone());
        a.sort();
        b.sort();
        if a != b {
            return Err(CoreError::Pack(format!(
                "{}: make_model.type.classes: {b:?} are not those of the pack's vehicle_attributes.type, {a:?}",
                folder.join(MANIFEST).display()
            )));
        }
    }
    Ok(make_model)
}
