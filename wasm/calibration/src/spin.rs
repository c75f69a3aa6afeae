// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Spin calibration: the line of the tool that keeps its direction and place while the tool turns about it.
//!
//! The axis is the direction whose images under all rotations scatter least: the eigenvector of the least eigenvalue of
//! sum (R - mean)^T (R - mean); the line's place is the pivot calibration's least squares, across the axis alone.

use crate::poses::{Moments, Poses};
use crate::Refusal;
use core::f64::consts::TAU;
use nalgebra::Vector3;

/// Least turn about the axis, most rms wobble of the axis (rad), most rms distance of its calmest point from its place (m).
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    pub turn: f64,
    pub wobble: f64,
    pub radial: f64,
}

/// The distance is that of the axis' calmest point (the divot), at most so far from `point`: noise alone leaves it open.
const REACH_M: f64 = 2.0;

/// `axis` and `point` (the line's nearest to the tool's origin) in the tool frame, `direction` and `centre` in the tracker's;
/// the axis' largest component is positive. `turn` is the circle less its largest gap. `swings` of the directions across.
#[derive(Clone, Copy, Debug)]
pub struct Spin {
    pub axis: Vector3<f64>,
    pub point: Vector3<f64>,
    pub direction: Vector3<f64>,
    pub centre: Vector3<f64>,
    pub wobble: f64,
    pub radial: f64,
    pub turn: f64,
    pub swings: [f64; 3],
}

/// `residuals` gets wobble (rad), distance (m), turn (rad) and 1, four numbers a pose; `scratch` holds a number a pose.
pub fn solve(poses: Poses, demand: Demand, residuals: &mut [f64], scratch: &mut [f64]) -> Result<Spin, Refusal> {
    poses.check()?;
    if poses.repeated() {
        return Err(Refusal::Repeated);
    }
    if poses.range(|_| true) < demand.turn.min(3.0) {
        return Err(Refusal::InsufficientMotion);
    }
    let moments = Moments::new(poses, 0..poses.len());
    let (swings, across) = moments.swings();
    let sign = if across[0][across[0].iamax()] < 0.0 { -1.0 } else { 1.0 };
    let axis = across[0] * sign;
    let place = |k: usize| across[k] * (-across[k].dot(&moments.pull) / (moments.count * swings[k] * swings[k]));
    let point = place(1) + place(2);
    let direction = (moments.rotation * axis).normalize();
    let centre = moments.rotation * point + moments.translation;
    let line = Line { axis, point, direction, centre, mark: across[2] };
    let (wobble, radial) = line.write(poses, residuals);
    if !point.iter().chain(&direction).all(|v| v.is_finite()) || wobble > demand.wobble || radial > demand.radial {
        return Err(Refusal::NotASpin);
    }
    let turn = turned(poses.len(), residuals, scratch);
    if turn < demand.turn {
        return Err(Refusal::InsufficientMotion);
    }
    Ok(Spin { axis, point, direction, centre, wobble, radial, turn, swings })
}

struct Line {
    axis: Vector3<f64>,
    point: Vector3<f64>,
    direction: Vector3<f64>,
    centre: Vector3<f64>,
    mark: Vector3<f64>,
}

impl Line {
    /// Across the axis: where the point went, and how much farther a point a metre along the axis goes.
    fn gone(&self, poses: Poses, i: usize) -> Vector3<f64> {
        let moved = poses.rotation(i) * self.point + poses.translation(i) - self.centre;
        moved - self.direction * self.direction.dot(&moved)
    }

    fn lean(&self, poses: Poses, i: usize) -> Vector3<f64> {
        let along = poses.rotation(i) * self.axis;
        along - self.direction * self.direction.dot(&along)
    }

    /// How far along the axis the point lies that moves least.
    fn calmest(&self, poses: Poses) -> f64 {
        let sum = |f: &dyn Fn(usize) -> f64| (0..poses.len()).map(f).sum::<f64>();
        let both = sum(&|i| self.gone(poses, i).dot(&self.lean(poses, i)));
        let square = sum(&|i| self.lean(poses, i).norm_squared());
        if square > 0.0 {
            (-both / square).clamp(-REACH_M, REACH_M)
        } else {
            0.0
        }
    }

    /// Writes what every pose leaves; returns the rms of wobble and of distance.
    fn write(&self, poses: Poses, residuals: &mut [f64]) -> (f64, f64) {
        let c = self.direction;
        let across = |v: Vector3<f64>| v - c * c.dot(&v);
        let first = across(poses.rotation(0) * self.mark).normalize();
        let second = c.cross(&first);
        let calmest = self.calmest(poses);
        let (mut wobbles, mut radials) = (0.0, 0.0);
        for (i, row) in residuals.chunks_exact_mut(4).enumerate().take(poses.len()) {
            let r = poses.rotation(i);
            let leaning = r * self.axis;
            let wobble = libm::atan2(leaning.cross(&c).norm(), leaning.dot(&c));
            let radial = (self.gone(poses, i) + self.lean(poses, i) * calmest).norm();
            let turned = r * self.mark;
            row.copy_from_slice(&[wobble, radial, libm::atan2(second.dot(&turned), first.dot(&turned)), 1.0]);
            wobbles += wobble * wobble;
            radials += radial * radial;
        }
        let n = poses.len() as f64;
        (libm::sqrt(wobbles / n), libm::sqrt(radials / n))
    }
}

fn turned(count: usize, residuals: &[f64], scratch: &mut [f64]) -> f64 {
    let angles = &mut scratch[..count];
    for (a, row) in angles.iter_mut().zip(residuals.chunks_exact(4)) {
        *a = row[2];
    }
    angles.sort_unstable_by(f64::total_cmp);
    let ends = TAU - (angles[count - 1] - angles[0]);
    let gap = angles.windows(2).fold(ends, |gap, w| gap.max(w[1] - w[0]));
    TAU - gap
}
