// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Correspondence without names: which moving point is which fixed one, by their distances alone, missing and extra points
//! allowed. Exact: pairs whose distances differ by more than 2 tau cannot belong together, and every other possibility is tried.
//!
//! Guarantee: no motion maps more pairs within tau under any assignment; among the assignments of that size the one with the
//! least rms is returned; the best one that needs another motion is told, never passed over.

use crate::consensus::{bits, check};
use crate::minimax::{decide, even, fit, fit_cost, rivals, Budget, Motion, Outcome, Pairs, MOST, OTHER_MOTION};
use crate::Refusal;
use nalgebra::Vector3;

const BUDGET: u64 = 30_000_000;
const RIVAL_BUDGET: u64 = 10_000_000;
/// What a step of the search costs in the budget's units, beside its distances.
const STEP_COST: u64 = 40;
/// How much farther than tau the best different assignment is looked for.
const WIDER: f64 = 3.0;
/// A moving point without partner.
pub const UNPAIRED: u32 = u32::MAX;

type Assignment = [u32; MOST];

/// `partner` names for every moving point its fixed one, or UNPAIRED. `runner_up` and `rival_rms` are the best assignment of as
/// many pairs that needs another motion, of those with an rms within `searched` and distances that agree within twice that (NaN:
/// there is none); `searched` is 3 tau, or tau where that search was too large. `ambiguous`: the rival is nearly as likely.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    pub partner: Assignment,
    pub count: u32,
    pub rms: f64,
    pub runner_up: Assignment,
    pub rival_rms: f64,
    pub searched: f64,
    pub ambiguous: bool,
}

struct Found {
    partner: Assignment,
    rms: f64,
    motion: Motion,
}

struct Search<'a> {
    fixed: &'a [Vector3<f64>],
    moving: &'a [Vector3<f64>],
    fixed_apart: [[f64; MOST]; MOST],
    moving_apart: [[f64; MOST]; MOST],
    tau: f64,
    budget: Budget,
    best: Option<Found>,
    rival: Option<(Assignment, f64)>,
    /// Whether the answer is known and its best rival is looked for.
    rivals: bool,
    count: u32,
    /// What counts as another motion.
    other: f64,
}

/// The budget is spent.
struct Spent;

/// Finds the assignment; at least three pairs and more than half of the smaller set are needed.
///
/// Refuses: TooFewPoints, TooManyPoints (over 64 on a side), NotFinite, BadThreshold, NoConsensus, Mirrored (a mirror image would
/// match), SearchTooLarge. An ambiguous set is no refusal here: it is told with its rival.
pub fn match_unordered(fixed: &[f64], moving: &[f64], tau: f64) -> Result<Match, Refusal> {
    let (nf, nm) = (fixed.len() / 3, moving.len() / 3);
    check(nf.min(nm), fixed, moving, tau)?;
    if nf.max(nm) > MOST {
        return Err(Refusal::TooManyPoints);
    }
    let (mut f, mut m) = ([Vector3::zeros(); MOST], [Vector3::zeros(); MOST]);
    fill(&mut f, fixed);
    fill(&mut m, moving);
    if let Some(found) = largest(&f[..nf], &m[..nm], tau)? {
        return Ok(found);
    }
    m.iter_mut().for_each(|p| *p = -*p);
    match largest(&f[..nf], &m[..nm], tau)? {
        Some(_) => Err(Refusal::Mirrored),
        None => Err(Refusal::NoConsensus),
    }
}

fn fill(out: &mut [Vector3<f64>], values: &[f64]) {
    for (to, p) in out.iter_mut().zip(values.chunks_exact(3)) {
        *to = Vector3::new(p[0], p[1], p[2]);
    }
}

fn largest(fixed: &[Vector3<f64>], moving: &[Vector3<f64>], tau: f64) -> Result<Option<Match>, Refusal> {
    let (nf, nm) = (fixed.len(), moving.len());
    let needed = (nf.min(nm) / 2 + 1).max(3);
    let mut search = Search::new(fixed, moving, tau);
    for missing in nm.saturating_sub(nf)..=nm - needed {
        search.run(missing as u32).map_err(|_| Refusal::SearchTooLarge)?;
        if search.best.is_some() {
            return search.report(missing as u32).map(Some);
        }
    }
    Ok(None)
}

impl<'a> Search<'a> {
    fn new(fixed: &'a [Vector3<f64>], moving: &'a [Vector3<f64>], tau: f64) -> Self {
        let other = OTHER_MOTION * OTHER_MOTION * tau * tau;
        let (fixed_apart, moving_apart) = (distances(fixed), distances(moving));
        let budget = Budget(BUDGET);
        Search {
            fixed,
            moving,
            fixed_apart,
            moving_apart,
            tau,
            budget,
            best: None,
            rival: None,
            rivals: false,
            count: 0,
            other,
        }
    }

    fn run(&mut self, missing: u32) -> Result<(), Spent> {
        let (nf, nm) = (self.fixed.len(), self.moving.len());
        let candidates = [u64::MAX >> (64 - nf); MOST];
        self.step(&candidates, u64::MAX >> (64 - nm), missing, &mut [UNPAIRED; MOST], &mut Pairs::new())
    }

    /// The answer with its best rival, looked for farther out than tau, or else within it.
    fn report(&mut self, missing: u32) -> Result<Match, Refusal> {
        let count = self.moving.len() as u32 - missing;
        let tau = self.tau;
        (self.rivals, self.count) = (true, count);
        for searched in [WIDER * tau, tau] {
            (self.tau, self.budget, self.rival) = (searched, Budget(RIVAL_BUDGET), None);
            if self.run(missing).is_ok() {
                let best = self.best.take().ok_or(Refusal::NoConsensus)?;
                let (runner_up, rival_rms) = self.rival.unwrap_or(([UNPAIRED; MOST], f64::NAN));
                let ambiguous = self.rival.is_some() && rivals(count as usize, best.rms, rival_rms, tau);
                return Ok(Match {
                    partner: best.partner,
                    count,
                    rms: best.rms,
                    runner_up,
                    rival_rms,
                    searched,
                    ambiguous,
                });
            }
        }
        Err(Refusal::SearchTooLarge)
    }

    /// Decides the moving points in `open`; `candidates` has the fixed points that agree with every pair so far.
    fn step(
        &mut self,
        candidates: &[u64; MOST],
        mut open: u64,
        mut missing: u32,
        partner: &mut Assignment,
        pairs: &mut Pairs,
    ) -> Result<(), Spent> {
        if !self.budget.spend(STEP_COST + 2 * u64::from(open.count_ones())) {
            return Err(Spent);
        }
        let none = bits(open).filter(|j| candidates[*j] == 0).fold(0u64, |set, j| set | 1 << j);
        if none.count_ones() > missing {
            return Ok(());
        }
        open &= !none;
        missing -= none.count_ones();
        let reach = bits(open).fold(0u64, |set, j| set | candidates[j]);
        if reach.count_ones() + missing < open.count_ones() {
            return Ok(());
        }
        let Some(j) = bits(open).min_by_key(|j| candidates[*j].count_ones()) else { return self.leaf(partner, pairs) };
        let open = open & !(1 << j);
        for a in bits(candidates[j]) {
            pairs.push(self.fixed[a], self.moving[j]);
            if self.possible(pairs)? {
                partner[j] = a as u32;
                let narrowed = self.narrow(candidates, open, a, j);
                self.step(&narrowed, open, missing, partner, pairs)?;
                partner[j] = UNPAIRED;
            }
            pairs.count -= 1;
        }
        match missing {
            0 => Ok(()),
            _ => self.step(candidates, open, missing - 1, partner, pairs),
        }
    }

    fn narrow(&mut self, candidates: &[u64; MOST], open: u64, a: usize, j: usize) -> [u64; MOST] {
        let mut out = [0; MOST];
        let most = 2.0 * self.tau * (1.0 + 1e-9);
        let mut looked = 0;
        for k in bits(open) {
            let left = candidates[k] & !(1 << a);
            looked += u64::from(left.count_ones());
            let agree = bits(left).filter(|b| (self.fixed_apart[a][*b] - self.moving_apart[j][k]).abs() <= most);
            out[k] = agree.fold(0, |set, b| set | 1 << b);
        }
        self.budget.spend(looked / 3);
        out
    }

    /// A least-squares rms above tau proves that no motion maps the pairs within it; mirror images end here. (Of a rival it is
    /// the rms of all `count` pairs that must stay within.)
    fn possible(&mut self, pairs: &Pairs) -> Result<bool, Spent> {
        if pairs.count < 4 {
            return Ok(true);
        }
        if !self.budget.spend(fit_cost(pairs.count)) {
            return Err(Spent);
        }
        let most = if self.rivals { self.count as f64 / pairs.count as f64 } else { 1.0 };
        Ok(fit(pairs, &even(pairs.count), false).sum <= most * self.tau * self.tau * (1.0 + 1e-9))
    }

    fn leaf(&mut self, partner: &Assignment, pairs: &Pairs) -> Result<(), Spent> {
        let motion = fit(pairs, &even(pairs.count), false);
        let rms = libm::sqrt(motion.sum);
        if self.rivals {
            let better = self.rival.is_none_or(|(_, known)| rms < known);
            if better && rms <= self.tau && self.best.as_ref().is_some_and(|b| self.differ(b, partner, &motion)) {
                self.rival = Some((*partner, rms));
            }
            return Ok(());
        }
        if self.best.as_ref().is_some_and(|b| b.rms <= rms) {
            return Ok(());
        }
        match decide(pairs, self.tau, u32::MAX, &mut self.budget) {
            Outcome::Within => self.best = Some(Found { partner: *partner, rms, motion }),
            Outcome::Beyond(_) => {}
            Outcome::Open | Outcome::OutOfBudget => return Err(Spent),
        }
        Ok(())
    }

    /// Whether one of the two motions leaves a pair of the other's assignment far off.
    fn differ(&self, best: &Found, partner: &Assignment, motion: &Motion) -> bool {
        let far = |motion: &Motion, partner: &Assignment| {
            let mut pairs = partner.iter().enumerate().filter(|(_, a)| **a != UNPAIRED);
            pairs.any(|(j, a)| motion.squared_residual(&self.fixed[*a as usize], &self.moving[j]) > self.other)
        };
        far(&best.motion, partner) || far(motion, &best.partner)
    }
}

fn distances(points: &[Vector3<f64>]) -> [[f64; MOST]; MOST] {
    let mut out = [[0.0; MOST]; MOST];
    for (i, p) in points.iter().enumerate() {
        for (k, q) in points.iter().enumerate() {
            out[i][k] = (p - q).norm();
        }
    }
    out
}
