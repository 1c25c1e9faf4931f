//! Which vehicle a plate is on.

use crate::geometry::Rect;

/// Where plates usually are in a vehicle's box, as shares of its width and height: the medians of the labelled photos.
const USUAL: (f32, f32) = (0.5, 0.65);

/// The least share of a plate that lies in its vehicle's box.
const LEAST_SHARE: f32 = 0.5;

/// The place of a plate's vehicle among `vehicles`: one whose box holds at least half of the plate. Of several, the one
/// in whose box the plate lies nearest to where plates usually are. So a plate goes to the motorcycle before a car, to
/// the far car within a near lorry's box, and to the car in front whose box reaches over the next one's.
#[must_use]
pub fn vehicle_of(plate: &Rect, vehicles: &[Rect]) -> Option<usize> {
    let holding = vehicles.iter().enumerate().filter(|(_, vehicle)| plate.share_within(vehicle) >= LEAST_SHARE);
    holding.min_by(|a, b| from_usual(plate, a.1).total_cmp(&from_usual(plate, b.1))).map(|(place, _)| place)
}

/// Distance of a plate's centre from the usual place, in shares of the vehicle's sides.
fn from_usual(plate: &Rect, vehicle: &Rect) -> f32 {
    let (x, y) = plate.centre();
    let across = (x - vehicle.x1) / vehicle.width().max(1.0) - USUAL.0;
    let down = (y - vehicle.y1) / vehicle.height().max(1.0) - USUAL.1;
    across.hypot(down)
}

/// Which of the plates, by their vehicles and best first, are among the first `most` of their vehicle. A plate on no
/// vehicle always is.
#[must_use]
pub fn among_first(vehicles: &[Option<usize>], most: usize) -> Vec<bool> {
    let before = |n: usize| vehicles[..n].iter().filter(|each| **each == vehicles[n]).count();
    (0..vehicles.len()).map(|n| vehicles[n].is_none() || before(n) < most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x1: f32, y1: f32, x2: f32, y2: f32) -> Rect {
        Rect { x1, y1, x2, y2 }
    }

    fn plate(x: f32, y: f32) -> Rect {
        rect(x - 20.0, y - 5.0, x + 20.0, y + 5.0)
    }

    #[test]
    fn a_plate_is_on_the_vehicle_whose_box_holds_it() {
        let vehicles = [rect(0.0, 0.0, 200.0, 150.0), rect(300.0, 0.0, 500.0, 150.0)];
        assert_eq!(vehicle_of(&plate(400.0, 100.0), &vehicles), Some(1));
        assert_eq!(vehicle_of(&plate(250.0, 100.0), &vehicles), None);
        assert_eq!(vehicle_of(&plate(250.0, 100.0), &[]), None);
    }

    #[test]
    fn half_a_plate_in_the_box_is_enough() {
        let car = [rect(0.0, 0.0, 200.0, 150.0)];
        assert_eq!(vehicle_of(&plate(100.0, 149.0), &car), Some(0));
        assert_eq!(vehicle_of(&plate(100.0, 151.0), &car), None);
    }

    #[test]
    fn a_motorcycle_before_a_car_keeps_its_plate_and_the_car_its_own() {
        let vehicles = [rect(0.0, 0.0, 400.0, 300.0), rect(20.0, 150.0, 120.0, 330.0)];
        assert_eq!(vehicle_of(&plate(70.0, 260.0), &vehicles), Some(1));
        assert_eq!(vehicle_of(&plate(210.0, 210.0), &vehicles), Some(0));
    }

    #[test]
    fn a_far_car_seen_in_the_box_of_a_near_lorry_keeps_its_plate() {
        let vehicles = [rect(0.0, 0.0, 600.0, 600.0), rect(450.0, 380.0, 590.0, 480.0)];
        assert_eq!(vehicle_of(&plate(520.0, 450.0), &vehicles), Some(1));
        assert_eq!(vehicle_of(&plate(300.0, 500.0), &vehicles), Some(0));
    }

    #[test]
    fn a_car_in_front_keeps_its_plate_where_the_box_of_the_next_reaches_over_it() {
        let (front, behind) = (rect(100.0, 200.0, 500.0, 520.0), rect(150.0, 50.0, 520.0, 440.0));
        assert_eq!(vehicle_of(&plate(300.0, 415.0), &[behind, front]), Some(1));
    }

    #[test]
    fn the_best_plates_of_each_vehicle_stay_and_those_on_none() {
        let vehicles = [Some(0), Some(1), Some(0), None, None, Some(1), Some(0)];
        assert_eq!(among_first(&vehicles, 1), [true, true, false, true, true, false, false]);
        assert_eq!(among_first(&vehicles, 2), [true, true, true, true, true, true, false]);
    }
}
