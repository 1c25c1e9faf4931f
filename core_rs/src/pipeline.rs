//! A batch of encoded images in, one reading or one error each out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use fast_image_resize::Resizer;

use crate::deadline::Deadline;
use crate::decode::{Picture, decode};
use crate::detect::{Detection, detections};
use crate::dscore::combined;
use crate::error::{CoreError, Result, guarded};
use crate::geometry::{Corners, Rect};
use crate::letterbox::{self, Frame};
use crate::manifest::CropSpec;
use crate::nms::suppress;
use crate::options::{Mode, Options};
use crate::pack::{self, Pack};
use crate::read::{Reading, readings};
use crate::rectify::{cut_box, cut_corners, usable};
use crate::templates;
use crate::tensor::InputTensor;
use crate::timing::{StageName, Timings, timed};

/// Plates that the reader takes at once. More gains nothing on a CPU and delays the deadline's next check.
const READ_BATCH: usize = 32;

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
    pub kind: String,
    pub kind_score: f32,
    /// Names and probabilities, best first.
    pub colours: Vec<(String, f32)>,
    pub orientations: Vec<(String, f32)>,
    pub models: Vec<Model>,
}

/// One possible make and model of a vehicle.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub make: String,
    pub model: String,
    pub year: Option<u16>,
    pub score: f32,
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
    max_pixels: u64,
    max_batch: usize,
    /// Working memory of calls that are over, so that the next one need not ask the system for it.
    spare: Mutex<Option<Workspace>>,
}

/// Buffers whose every value is overwritten before it is read: nothing of one image reaches the next.
#[derive(Default)]
struct Workspace {
    resizer: Resizer,
    detector_input: Option<InputTensor>,
}

/// Working memory beyond this size is given back to the system; single photos need less.
const KEPT_BYTES: usize = 32 << 20;

impl Workspace {
    fn bytes(&self) -> usize {
        let input = self.detector_input.as_ref().map_or(0, InputTensor::bytes);
        input + self.resizer.size_of_internal_buffers()
    }
}

/// An image on its way through the stages.
struct Job<'a> {
    /// Its place in the caller's list.
    index: usize,
    picture: Picture,
    options: &'a Options,
    detections: Vec<Detection>,
    readings: Vec<Reading>,
    plate_scores: Vec<Option<f32>>,
    timings: Timings,
    failure: Option<CoreError>,
}

/// One plate to read: which job, which region of its picture.
#[derive(Clone, Copy)]
struct Plate {
    job: usize,
    area: Rect,
    corners: Option<Corners>,
}

impl Engine {
    pub fn open(folder: &Path, intra_threads: usize, max_pixels: u64, max_batch: usize) -> Result<Self> {
        // Here, so that the first picture need not wait for the tables.
        templates::prepare();
        Ok(Self {
            pack: pack::load(folder, intra_threads)?,
            max_pixels,
            max_batch: max_batch.max(1),
            spare: Mutex::new(None),
        })
    }

    /// Reads all images; `options` has one entry an image. The answers keep the order.
    #[must_use]
    pub fn recognise(&self, images: &[&[u8]], options: &[Options], deadline: Deadline) -> Vec<Result<ImageReading>> {
        self.through(images, options, deadline, |jobs, work| {
            self.detect_all(jobs, deadline, work);
            let crop = self.pack.reader.spec.crop;
            self.read_all(jobs, crop, deadline, work);
        })
        .into_iter()
        .map(|outcome| outcome.map(|job| self.finished(job)))
        .collect()
    }

    /// Reads images that are plates already cut out: the reader alone, on the whole picture.
    #[must_use]
    pub fn read_crops(&self, images: &[&[u8]], options: &[Options], deadline: Deadline) -> Vec<Result<ImageReading>> {
        self.through(images, options, deadline, |jobs, work| {
            for job in jobs.iter_mut() {
                let (width, height) = (job.picture.width as f32, job.picture.height as f32);
                job.detections = vec![Detection {
                    area: Rect { x1: 0.0, y1: 0.0, x2: width, y2: height },
                    corners: None,
                    score: 1.0,
                    class: 0,
                }];
            }
            self.read_all(jobs, CropSpec::default(), deadline, work);
        })
        .into_iter()
        .map(|outcome| outcome.map(assembled))
        .collect()
    }

    /// Decodes images and hands them to `work` in groups that are bounded in number and in pixels, so that a call's
    /// memory is bounded by the limits of one image and not by the length of its list.
    fn through<'a>(
        &self,
        images: &[&[u8]],
        options: &'a [Options],
        deadline: Deadline,
        work: impl Fn(&mut Vec<Job<'a>>, &mut Workspace),
    ) -> Vec<Result<Job<'a>>> {
        let mut outcomes: BTreeMap<usize, Result<Job<'a>>> = BTreeMap::new();
        let mut workspace = self.spare.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
        let mut group = Vec::new();
        let mut pixels = 0;
        for (index, (bytes, options)) in images.iter().zip(options).enumerate() {
            match self.opened(index, bytes, options, deadline) {
                Ok(job) => {
                    pixels += u64::from(job.picture.width) * u64::from(job.picture.height);
                    group.push(job);
                }
                Err(error) => {
                    outcomes.insert(index, Err(error));
                }
            }
            let last = index + 1 == images.len();
            if last || group.len() == self.max_batch || pixels >= self.max_pixels {
                work(&mut group, &mut workspace);
                for mut job in group.drain(..) {
                    // Only its size is told; the pixels would pile up over the call.
                    job.picture.rgb = Vec::new();
                    let outcome = job.failure.take().map_or(Ok(()), Err);
                    outcomes.insert(job.index, outcome.map(|()| job));
                }
                pixels = 0;
            }
        }
        if workspace.bytes() <= KEPT_BYTES {
            *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = Some(workspace);
        }
        outcomes.into_values().collect()
    }

    fn opened<'a>(&self, index: usize, bytes: &[u8], options: &'a Options, deadline: Deadline) -> Result<Job<'a>> {
        deadline.check()?;
        let (picture, ms) = timed(|| guarded("decode", || decode(bytes, self.max_pixels)));
        let mut timings = Timings::default();
        timings.add(StageName::Decode, ms);
        Ok(Job {
            index,
            picture: picture?,
            options,
            detections: Vec::new(),
            readings: Vec::new(),
            plate_scores: Vec::new(),
            timings,
            failure: None,
        })
    }

    fn detect_all(&self, jobs: &mut [Job], deadline: Deadline, work: &mut Workspace) {
        let detector = &self.pack.detector;
        let fast = detector.spec.input.fast();
        let mut groups: BTreeMap<(u32, u32), Vec<(usize, Frame)>> = BTreeMap::new();
        for (at, job) in jobs.iter().enumerate() {
            let input = if job.options.mode == Mode::Fast { &fast } else { &detector.spec.input };
            let frame = Frame::plan(input, job.picture.width, job.picture.height);
            groups.entry((frame.input_height, frame.input_width)).or_default().push((at, frame));
        }
        let batch = detector.model.fixed_batch().unwrap_or(self.max_batch);
        for chunk in groups.values().flat_map(|members| members.chunks(batch)) {
            if self.detect_group(jobs, chunk, deadline, work).is_ok() {
                continue;
            }
            // One image's failure must not be that of its neighbours.
            for one in chunk.chunks(1) {
                if let Err(error) = self.detect_group(jobs, one, deadline, work) {
                    jobs[one[0].0].failure = Some(error);
                }
            }
        }
    }

    fn detect_group(
        &self,
        jobs: &mut [Job],
        chunk: &[(usize, Frame)],
        deadline: Deadline,
        work: &mut Workspace,
    ) -> Result<()> {
        deadline.check()?;
        let detector = &self.pack.detector;
        let spec = &detector.spec;
        let (_, first) = chunk[0];
        let (height, width) = (first.input_height as usize, first.input_width as usize);
        let batch = detector.model.fixed_batch().unwrap_or(chunk.len());
        let (tensor, letterbox_ms) = timed(|| {
            guarded("letterbox", || {
                let used = work.detector_input.take().filter(|used| used.holds(batch, height, width));
                let mut tensor = used.unwrap_or_else(|| InputTensor::new(&spec.input, batch, height, width));
                for (n, (at, frame)) in chunk.iter().enumerate() {
                    letterbox::fill(&mut tensor, n, &jobs[*at].picture, frame, &spec.input, &mut work.resizer)?;
                }
                Ok(tensor)
            })
        });
        let tensor = tensor?;
        deadline.check()?;
        let (outputs, detect_ms) = timed(|| guarded("detect", || detector.model.run(&tensor, &[&spec.output.name])));
        let outputs = outputs?;
        let (found, boxes_ms) = timed(|| {
            guarded("boxes", || {
                let frames: Vec<Frame> = chunk.iter().map(|(_, frame)| *frame).collect();
                // What the reader may still raise over the caller's threshold has to reach the reader.
                let floor = self.pack.reader.spec.plate.as_ref().map_or(f32::INFINITY, |plate| plate.floor);
                let thresholds: Vec<f32> =
                    chunk.iter().map(|(at, _)| jobs[*at].options.detection_threshold().min(floor)).collect();
                let found = detections(spec.kind, &spec.output, &outputs[0], &frames, &thresholds)?;
                Ok(found
                    .into_iter()
                    .zip(chunk)
                    .map(|(boxes, (at, _))| suppress(boxes, spec.nms_iou, jobs[*at].options.max_plates))
                    .collect::<Vec<_>>())
            })
        });
        work.detector_input = Some(tensor);
        let share = 1.0 / chunk.len() as f64;
        for (plates, (at, _)) in found?.into_iter().zip(chunk) {
            let job = &mut jobs[*at];
            job.detections = plates;
            job.timings.add(StageName::Letterbox, letterbox_ms * share);
            job.timings.add(StageName::Detect, detect_ms * share);
            job.timings.add(StageName::Boxes, boxes_ms * share);
        }
        Ok(())
    }

    /// A job's answer, without what is under the caller's thresholds and without the readings that it forbids.
    fn finished(&self, job: Job) -> ImageReading {
        let (least_detection, least_reading) = (job.options.detection_threshold(), job.options.threshold_o);
        let mut image = assembled(job);
        if let Some(spec) = &self.pack.reader.spec.plate {
            for plate in &mut image.plates {
                plate.dscore = combined(spec, plate.dscore, plate.plate_score.unwrap_or(0.5));
            }
            image.plates.retain(|plate| plate.dscore >= least_detection);
            image.plates.sort_by(|a, b| b.dscore.total_cmp(&a.dscore));
        }
        image.plates.retain(|plate| plate.reading.score >= least_reading && !plate.reading.misfit);
        image
    }

    /// Reads the plates of all jobs as one sequence of batches.
    fn read_all(&self, jobs: &mut [Job], crop: CropSpec, deadline: Deadline, work: &mut Workspace) {
        let plates: Vec<Plate> = jobs
            .iter()
            .enumerate()
            .filter(|(_, job)| job.failure.is_none())
            .flat_map(|(at, job)| {
                job.detections.iter().map(move |detection| Plate {
                    job: at,
                    area: detection.area,
                    corners: detection.corners,
                })
            })
            .collect();
        let batch = self.pack.reader.model.fixed_batch().unwrap_or(READ_BATCH);
        for chunk in plates.chunks(batch) {
            if self.read_group(jobs, chunk, crop, deadline, work).is_ok() {
                continue;
            }
            for one in chunk.chunks(1) {
                if jobs[one[0].job].failure.is_some() {
                    continue;
                }
                if let Err(error) = self.read_group(jobs, one, crop, deadline, work) {
                    jobs[one[0].job].failure = Some(error);
                }
            }
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

fn assembled(job: Job) -> ImageReading {
    let plates = job
        .detections
        .into_iter()
        .zip(job.readings)
        .zip(job.plate_scores)
        .map(|((detection, reading), plate_score)| PlateReading {
            area: detection.area,
            corners: detection.corners,
            dscore: detection.score,
            plate_score,
            reading,
            vehicle: None,
        })
        .collect();
    ImageReading {
        width: job.picture.width,
        height: job.picture.height,
        plates,
        vehicles: Vec::new(),
        timings: job.timings,
    }
}
