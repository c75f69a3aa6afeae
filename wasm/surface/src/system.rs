// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The normal equations of one linearisation: point-to-plane (Chen and Medioni, 1992) and generalised ICP (Segal,
//! Haehnel and Thrun, RSS 2009), as sums of squares of directions.
//!
//! A motion is a shift and then a turn about the source's centroid: x = centroid + y moves by shift + turn x y.

use crate::loss::Loss;
use crate::pairs::{Pairs, NONE};
use crate::vector::{at, cross, dot, norm, sub, Motion, V3};

pub type Row = [f64; 6];
/// Variance along the normal, that across being one: generalised ICP's regularisation.
const THIN: f64 = 1e-3;
/// With A = (2 - (1 - THIN)(n n' + m m'))^-1 = (1 + sum of k u u') / 2, this is 2 / (1 - THIN) - 1.
const G: f64 = 2.0 / (1.0 - THIN) - 1.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    PointToPlane,
    Gicp,
}

/// The source in its tree's order, relative to its centroid; `normals` are empty where the method needs none.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub points: &'a [f64],
    pub normals: &'a [f64],
}

/// Hessian, gradient and twice the cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct System {
    pub h: [Row; 6],
    pub g: Row,
    pub cost: f64,
}

impl System {
    #[inline(always)]
    pub fn add(&mut self, a: &Row, weight: f64, residual: f64) {
        for i in 0..6 {
            let wa = weight * a[i];
            for j in 0..6 {
                self.h[i][j] += wa * a[j];
            }
            self.g[i] += wa * residual;
        }
    }

    /// What a step weighs: d' H d.
    pub fn square(&self, shift: &V3, turn: &V3) -> f64 {
        let d = [shift[0], shift[1], shift[2], turn[0], turn[1], turn[2]];
        (0..6).map(|i| d[i] * (0..6).map(|j| self.h[i][j] * d[j]).sum::<f64>()).sum()
    }
}

/// One pair under the pose: the residual along the normal (or the distance, without a normal) and its parts.
pub struct Pair {
    pub arm: V3,
    pub gap: V3,
    pub normal: V3,
    pub residual: f64,
}

#[inline(always)]
pub fn pair(source: &Source, pairs: &Pairs, motion: &Motion, i: usize) -> Option<Pair> {
    if pairs.index[i] == NONE {
        return None;
    }
    let arm = motion.rotate(&at(source.points, i));
    let x = [arm[0] + motion.t[0], arm[1] + motion.t[1], arm[2] + motion.t[2]];
    let gap = sub(&at(pairs.point, i), &x);
    let normal = at(pairs.normal, i);
    let along = dot(&normal, &gap);
    let residual = if normal == [0.0; 3] { norm(&gap) } else { along };
    Some(Pair { arm, gap, normal, residual })
}

/// The direction u at the arm y as a row of the Jacobian.
#[inline(always)]
pub fn jacobian(u: &V3, y: &V3) -> Row {
    let m = cross(y, u);
    [u[0], u[1], u[2], m[0], m[1], m[2]]
}

/// The two directions and their weights of generalised ICP's matrix; n, m may be zero where a side has no normal.
#[inline(always)]
pub fn directions(n: &V3, m: &V3) -> [(V3, f64); 2] {
    match (*n != [0.0; 3], *m != [0.0; 3]) {
        (true, true) => {
            let c = dot(n, m);
            let sum = [n[0] + m[0], n[1] + m[1], n[2] + m[2]];
            [(sum, 0.5 / (G - c)), (sub(n, m), 0.5 / (G + c))]
        }
        (true, false) => [(*n, 1.0 / G), (*n, 0.0)],
        (false, true) => [(*m, 1.0 / G), (*m, 0.0)],
        (false, false) => [([0.0; 3], 0.0); 2],
    }
}

/// Linearises at the pose.
pub fn linearise(source: &Source, pairs: &Pairs, motion: &Motion, method: Method, loss: &Loss) -> System {
    let mut system = System::default();
    let (mut total, mut arms, mut moments) = (0.0, [0.0; 3], [[0.0; 3]; 3]);
    for i in 0..pairs.index.len() {
        let Some(p) = pair(source, pairs, motion, i) else { continue };
        let (rho, weight, _) = loss.at(p.residual);
        if method == Method::PointToPlane {
            system.add(&jacobian(&p.normal, &p.arm), weight, p.residual);
            system.cost += if p.normal == [0.0; 3] { 0.0 } else { rho };
            continue;
        }
        let half = 0.5 * weight;
        let turned = turned_normal(source, motion, i);
        let mut cost = dot(&p.gap, &p.gap);
        for (u, k) in directions(&p.normal, &turned) {
            let along = dot(&u, &p.gap);
            system.add(&jacobian(&u, &p.arm), half * k, along);
            cost += k * along * along;
        }
        system.cost += half * cost;
        let moment = cross(&p.arm, &p.gap);
        total += half;
        for r in 0..3 {
            system.g[r] += half * p.gap[r];
            system.g[3 + r] += half * moment[r];
            arms[r] += half * p.arm[r];
            for c in 0..3 {
                moments[r][c] += half * p.arm[r] * p.arm[c];
            }
        }
    }
    add_isotropic(&mut system.h, total, &arms, &moments);
    system
}

#[inline(always)]
pub fn turned_normal(source: &Source, motion: &Motion, i: usize) -> V3 {
    match source.normals.is_empty() {
        true => [0.0; 3],
        false => motion.rotate(&at(source.normals, i)),
    }
}

/// The sum of w J' J for J = (1, -[y]x): from the sums of w, w y and w y y'.
fn add_isotropic(h: &mut [Row; 6], total: f64, arms: &V3, moments: &[V3; 3]) {
    let [x, y, z] = *arms;
    let skew = [[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]];
    let trace = moments[0][0] + moments[1][1] + moments[2][2];
    for r in 0..3 {
        h[r][r] += total;
        h[3 + r][3 + r] += trace;
        for c in 0..3 {
            h[3 + r][c] += skew[r][c];
            h[c][3 + r] += skew[r][c];
            h[3 + r][3 + c] -= moments[r][c];
        }
    }
}

/// Twice the cost at another pose, with the same pairs.
pub fn cost(source: &Source, pairs: &Pairs, motion: &Motion, method: Method, loss: &Loss) -> f64 {
    let mut sum = 0.0;
    for i in 0..pairs.index.len() {
        let Some(p) = pair(source, pairs, motion, i) else { continue };
        let (rho, weight, _) = loss.at(p.residual);
        if method == Method::PointToPlane {
            sum += if p.normal == [0.0; 3] { 0.0 } else { rho };
            continue;
        }
        let mut cost = dot(&p.gap, &p.gap);
        for (u, k) in directions(&p.normal, &turned_normal(source, motion, i)) {
            let along = dot(&u, &p.gap);
            cost += k * along * along;
        }
        sum += 0.5 * weight * cost;
    }
    sum
}
