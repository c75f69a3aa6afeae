// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Hand-eye and robot-world calibration: X and Z of A_i X B_i = Z (with B_i^-1 for B_i, the AX = ZB of the field; with Z
//! eliminated, its AX = XB).
//!
//! Closed forms start a joint Levenberg-Marquardt refinement over all pairs, whose weights are the noise of rotation and
//! of translation, estimated on the way. Where the residuals are not those of noise, a consensus leaves outliers out.
//! Transforms are 16 f64, row-major, metres. Cost: n a step; nothing is allocated. Error of an exact fit: below 1e-11.
#![no_std]
#![forbid(unsafe_code)]

mod closed;
mod consensus;
mod pairs;
mod refine;
mod se3;

pub use pairs::{off_axis, Unknowns};
pub use refine::{Noise, Refined};
pub use se3::Pose;

use nalgebra::Matrix3;
use pairs::{kept, motion, Pairs};

/// A translation beyond this is no number to calculate with.
pub const FARTHEST_M: f64 = 1e9;
/// A rotation's rows may miss orthonormality by this much.
pub const RIGID: f64 = 1e-6;
/// Where the rotations between two poses are left unexplained to this share (rms), nothing was found.
pub const UNEXPLAINED: f64 = 0.5;
/// With fewer pairs none is rejected: too few would be left to know the noise from.
pub const FEWEST_TO_REJECT: usize = 6;

/// Why there is no calibration; the numbers are the module's statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Refusal {
    TooFewPoses = 16,
    NotFinite = 17,
    NotRigid = 18,
    /// The rotations of A: about one axis alone, or too small.
    MotionA = 19,
    /// The same of B.
    MotionB = 20,
    /// Fewer than half of the pairs agree, or what is left over is like the motion itself.
    NoConsensus = 21,
    NotConverged = 22,
}

/// `given_noise`: standard deviations (m, rad) per axis instead of estimated ones; `gate_z`: the normal quantile up to
/// which a pair belongs; `least_motion`: rotation away from the main axis that is needed, radians (rms between pairs).
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub reject: bool,
    pub given_noise: Option<(f64, f64)>,
    pub gate_z: f64,
    pub least_motion: f64,
}

/// What was found; the closed forms are over the same pairs, None where one has no answer.
#[derive(Clone, Copy, Debug)]
pub struct Solution {
    pub refined: Refined,
    pub park: Option<Unknowns>,
    pub daniilidis: Option<Unknowns>,
    pub shah: Option<Unknowns>,
    pub searched: bool,
}

/// Three slices that the caller owns: 6n residuals (translation, rotation vector; of all pairs), n marks of the pairs that
/// were kept (1 or 0), 2n of scratch; and the motion found (A's and B's rms rotation about three axes), set in any case
/// but a bad input.
pub struct Room<'a> {
    pub residuals: &'a mut [f64],
    pub keep: &'a mut [f64],
    pub scratch: &'a mut [f64],
    pub motion: &'a mut [f64],
}

/// Slices of 16n numbers each. On NotFinite and NotRigid the index of the pair is the second value.
pub fn solve(a: &[f64], b: &[f64], options: &Options, room: &mut Room) -> Result<Solution, (Refusal, usize)> {
    let pairs = Pairs { a, b };
    check(pairs)?;
    room.keep.fill(1.0);
    check_motion(pairs, options, room)?;
    let start = closed::shah(pairs, room.keep).or_else(|| closed::park(pairs, room.keep));
    let plain = start.and_then(|s| refine::refine(pairs, room.keep, s, options.given_noise));
    let may = options.reject && pairs.len() >= FEWEST_TO_REJECT;
    let searched = may && !plain.is_some_and(|p| consensus::clean(pairs, &p, room.scratch));
    let refined =
        if searched { consent(pairs, start, options, room)? } else { plain.ok_or((Refusal::NotConverged, 0))? };
    let turned = libm::sqrt(room.motion[..3].iter().map(|v| v * v).sum());
    if refined.noise.r * libm::sqrt(6.0) > UNEXPLAINED * turned {
        return Err((Refusal::NoConsensus, 0));
    }
    for (i, out) in room.residuals.chunks_exact_mut(6).enumerate() {
        let (r, t) = pairs.residual(i, &refined.at);
        out.copy_from_slice(&[t[0], t[1], t[2], r[0], r[1], r[2]]);
    }
    Ok(Solution {
        refined,
        park: closed::park(pairs, room.keep),
        daniilidis: closed::daniilidis(pairs, room.keep),
        shah: closed::shah(pairs, room.keep),
        searched,
    })
}

fn consent(
    pairs: Pairs,
    start: Option<Unknowns>,
    options: &Options,
    room: &mut Room,
) -> Result<Refined, (Refusal, usize)> {
    let found = consensus::search(pairs, start, room.scratch).ok_or((Refusal::NoConsensus, 0))?;
    let fit = consensus::settle(pairs, room.keep, found, options.given_noise, options.gate_z);
    let fit = fit.filter(|_| 2 * kept(room.keep).count() >= pairs.len()).ok_or((Refusal::NoConsensus, 0))?;
    check_motion(pairs, options, room)?;
    Ok(fit)
}

fn check(pairs: Pairs) -> Result<(), (Refusal, usize)> {
    if pairs.len() < 3 {
        return Err((Refusal::TooFewPoses, pairs.len()));
    }
    for (i, (a, b)) in pairs.a.chunks_exact(16).zip(pairs.b.chunks_exact(16)).enumerate() {
        if !a.iter().chain(b).all(|v| v.abs() <= FARTHEST_M) {
            return Err((Refusal::NotFinite, i));
        }
        if !rigid(a) || !rigid(b) {
            return Err((Refusal::NotRigid, i));
        }
    }
    Ok(())
}

fn rigid(m: &[f64]) -> bool {
    let r = Pose::read(m).r;
    let last = m[12..15].iter().all(|v| v.abs() <= 1e-9) && (m[15] - 1.0).abs() <= 1e-9;
    last && (r * r.transpose() - Matrix3::identity()).abs().max() <= RIGID && r.determinant() > 0.0
}

fn check_motion(pairs: Pairs, options: &Options, room: &mut Room) -> Result<(), (Refusal, usize)> {
    let (of_a, of_b) = (motion(pairs.a, room.keep), motion(pairs.b, room.keep));
    room.motion[..3].copy_from_slice(&of_a);
    room.motion[3..6].copy_from_slice(&of_b);
    for (about, refusal) in [(of_a, Refusal::MotionA), (of_b, Refusal::MotionB)] {
        if off_axis(&about) < options.least_motion {
            return Err((refusal, 0));
        }
    }
    Ok(())
}
