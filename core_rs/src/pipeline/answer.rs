//! What of all that was found is the answer: thresholds, and the rules about vehicles.

use super::job::Job;
use super::{Engine, PlateReading, VehicleReading};
use crate::classes::UNKNOWN;
use crate::dscore::combined;
use crate::options::{DetectionMode, Mode};
use crate::tie::{among_first, vehicle_of};

impl Engine {
    /// Leaves out plates on no vehicle where they are not wanted; before they are read, which costs most.
    pub(super) fn obey_rule(&self, jobs: &mut [Job]) {
        if self.pack.vehicles.is_none() {
            return;
        }
        for job in jobs.iter_mut().filter(|job| job.options.detection_rule_strict) {
            let vehicles = job.vehicle_areas();
            job.detections.retain(|plate| vehicle_of(&plate.area, &vehicles).is_some());
        }
    }

    /// Makes a job's answer: without what is under the caller's thresholds, without the readings that it forbids, and
    /// with its vehicles, not yet described.
    pub(super) fn settle(&self, job: &mut Job) {
        if job.failure.is_some() {
            return;
        }
        let options = job.options;
        let mut plates = assembled(job);
        if let Some(spec) = &self.pack.reader.spec.plate {
            for plate in &mut plates {
                plate.dscore = combined(spec, plate.dscore, plate.plate_score.unwrap_or(0.5));
            }
            plates.retain(|plate| plate.dscore >= options.detection_threshold());
            plates.sort_by(|a, b| b.dscore.total_cmp(&a.dscore));
        }
        plates.retain(|plate| plate.reading.score >= options.threshold_o && !plate.reading.misfit);
        let areas = job.vehicle_areas();
        for plate in &mut plates {
            plate.vehicle = vehicle_of(&plate.area, &areas);
        }
        // Who blackens plates wants all of them.
        if options.mode != Mode::Redaction {
            let tied: Vec<_> = plates.iter().map(|plate| plate.vehicle).collect();
            let mut kept = among_first(&tied, options.plates_per_vehicle).into_iter();
            plates.retain(|_| kept.next().unwrap_or(true));
        }
        let all = options.detection_mode == DetectionMode::Vehicle;
        let mut answered = vec![None; job.vehicles.len()];
        for (n, vehicle) in job.vehicles.iter().enumerate() {
            if all || plates.iter().any(|plate| plate.vehicle == Some(n)) {
                answered[n] = Some(job.described.len());
                job.described.push(VehicleReading {
                    area: vehicle.area,
                    score: vehicle.score,
                    body: (UNKNOWN.to_owned(), 0.0),
                    colours: Vec::new(),
                    orientations: Vec::new(),
                    models: Vec::new(),
                });
            }
        }
        for plate in &mut plates {
            plate.vehicle = plate.vehicle.and_then(|n| answered[n]);
        }
        job.bodies = vec![Vec::new(); job.described.len()];
        job.plates = plates;
    }
}

/// A job's plates as they were detected and read.
pub(super) fn assembled(job: &mut Job) -> Vec<PlateReading> {
    let detections = std::mem::take(&mut job.detections);
    let readings = std::mem::take(&mut job.readings);
    let plate_scores = std::mem::take(&mut job.plate_scores);
    let read = detections.into_iter().zip(readings).zip(plate_scores);
    read.map(|((detection, reading), plate_score)| PlateReading {
        area: detection.area,
        corners: detection.corners,
        dscore: detection.score,
        plate_score,
        reading,
        vehicle: None,
    })
    .collect()
}
