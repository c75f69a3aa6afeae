// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Outlier rejection without chance: the largest set of pairs that one rigid motion maps within tau.
//!
//! Guarantee: no rigid motion maps more pairs within tau than the set has, and one motion maps the set within
//! tau (1 + SLACK), of several such sets that of least rms; or the search is refused, by name. It removes 0, 1, 2 ... pairs,
//! and of every set that is proved impossible (two pairs whose distances differ by more than 2 tau, or Lawson's weights over
//! a few) one must go: tree search as in Chin, Purkait, Eriksson and Suter, "Efficient globally optimal consensus maximisation
//! with tree search", CVPR 2015.

use crate::minimax::{blame, decide, even, fit, rivals, Budget, Outcome, Pairs, MOST, OTHER_MOTION};
use crate::{Refusal, FARTHEST_M, MIRRORED};
use nalgebra::Vector3;

/// Work before `SearchTooLarge`.
const BUDGET: u64 = 18_000_000;
/// What a node costs beside its fits.
const NODE_COST: u64 = 100;
/// `members` has a bit for every pair that was kept.
#[derive(Clone, Copy, Debug)]
pub struct Consensus {
    pub members: u64,
    pub count: u32,
}

struct Search<'a> {
    fixed: &'a [Vector3<f64>],
    moving: &'a [Vector3<f64>],
    tau: f64,
    needed: u32,
    /// For every pair, those that no motion maps together with it.
    apart: [u64; MOST],
    budget: Budget,
    /// The set of least rms so far, with its mean squared residual.
    best: Option<(u64, f64)>,
}

/// Finds the largest consensus; at least three pairs and more than half of all are needed.
///
/// Refuses: TooFewPoints, TooManyPoints (over 64), NotFinite, BadThreshold, NoConsensus, Mirrored (as many pairs agree on a mirror
/// image), Ambiguous (an equally large set with a pair over 3 tau off the first set's fit is nearly as likely: see `rivals`),
/// SearchTooLarge.
pub fn consensus(fixed: &[f64], moving: &[f64], tau: f64) -> Result<Consensus, Refusal> {
    let n = fixed.len() / 3;
    check(n, fixed, moving, tau)?;
    let (mut f, mut m) = ([Vector3::zeros(); MOST], [Vector3::zeros(); MOST]);
    for i in 0..n {
        f[i] = Vector3::new(fixed[3 * i], fixed[3 * i + 1], fixed[3 * i + 2]);
        m[i] = Vector3::new(moving[3 * i], moving[3 * i + 1], moving[3 * i + 2]);
    }
    let needed = (n as u32 / 2 + 1).max(3);
    let mut search = Search::new(&f[..n], &m[..n], tau, needed);
    let all = u64::MAX >> (64 - n);
    for removals in 0..=n as u32 - needed {
        search.node(all, 0, removals)?;
        if let Some((members, _)) = search.best {
            search.refuse_rivals(all, members, removals)?;
            return Ok(Consensus { members, count: members.count_ones() });
        }
    }
    Err(Refusal::NoConsensus)
}

pub(crate) fn check(n: usize, fixed: &[f64], moving: &[f64], tau: f64) -> Result<(), Refusal> {
    if n < 3 {
        return Err(Refusal::TooFewPoints);
    }
    if n > MOST {
        return Err(Refusal::TooManyPoints);
    }
    if !fixed.iter().chain(moving).all(|v| v.abs() <= FARTHEST_M) {
        return Err(Refusal::NotFinite);
    }
    match tau > 0.0 && tau <= FARTHEST_M {
        true => Ok(()),
        false => Err(Refusal::BadThreshold),
    }
}

/// The indices of a set's bits.
pub(crate) fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let next = (set != 0).then(|| set.trailing_zeros() as usize);
        set &= set.wrapping_sub(1);
        next
    })
}

impl<'a> Search<'a> {
    fn new(fixed: &'a [Vector3<f64>], moving: &'a [Vector3<f64>], tau: f64, needed: u32) -> Self {
        let mut apart = [0; MOST];
        for i in 0..fixed.len() {
            for k in 0..fixed.len() {
                let off = (fixed[i] - fixed[k]).norm() - (moving[i] - moving[k]).norm();
                apart[i] |= u64::from(off.abs() > 2.0 * tau * (1.0 + 1e-9)) << k;
            }
        }
        Search { fixed, moving, tau, needed, apart, budget: Budget(BUDGET), best: None }
    }

    /// Looks at every set that is left of `alive` when at most `removals` pairs, none of them `kept`, are removed.
    fn node(&mut self, alive: u64, kept: u64, removals: u32) -> Result<(), Refusal> {
        if !self.budget.spend(NODE_COST) {
            return Err(Refusal::SearchTooLarge);
        }
        let Some((alive, removals)) = self.reduce(alive, kept, removals) else { return Ok(()) };
        let degree = |i: usize| (self.apart[i] & alive).count_ones();
        let worst = bits(alive).max_by_key(|i| degree(*i)).filter(|i| degree(*i) > 0);
        let Some(v) = worst else { return self.consistent(alive, kept, removals) };
        self.node(alive & !(1 << v), kept, removals - 1)?;
        self.node(alive, kept | 1 << v, removals)
    }

    /// Removes what must go; None where that is more than may go.
    fn reduce(&self, mut alive: u64, kept: u64, mut removals: u32) -> Option<(u64, u32)> {
        loop {
            let forced = bits(kept).fold(0, |set, i| set | self.apart[i]) & alive;
            let busy = bits(alive & !kept).filter(|i| (self.apart[*i] & alive).count_ones() > removals);
            let gone = forced | busy.fold(0, |set, i| set | 1 << i);
            if gone & kept != 0 || gone.count_ones() > removals {
                return None;
            }
            if gone == 0 {
                break;
            }
            alive &= !gone;
            removals -= gone.count_ones();
        }
        // of every two in a matching of inconsistent pairs one must go
        let (mut open, mut matched) = (alive, 0);
        for i in bits(alive) {
            let partners = self.apart[i] & open;
            if open >> i & 1 == 1 && partners != 0 {
                open &= !(1 << i | 1 << partners.trailing_zeros());
                matched += 1;
            }
        }
        (matched <= removals).then_some((alive, removals))
    }

    /// `alive` has no two inconsistent pairs: is there a motion for all of it, or what must be removed?
    fn consistent(&mut self, alive: u64, kept: u64, removals: u32) -> Result<(), Refusal> {
        let pairs = self.gather(alive);
        let weights = match decide(&pairs, self.tau, u32::MAX, &mut self.budget) {
            Outcome::Within => {
                let squared = fit(&pairs, &even(pairs.count), false).sum;
                if self.best.is_none_or(|(_, known)| squared < known) {
                    self.best = Some((alive, squared));
                }
                return Ok(());
            }
            Outcome::Beyond(weights) => weights,
            Outcome::Open | Outcome::OutOfBudget => return Err(Refusal::SearchTooLarge),
        };
        if alive.count_ones() >= self.needed && self.mirrored(&pairs) {
            return Err(Refusal::Mirrored);
        }
        if removals == 0 {
            return Ok(());
        }
        let (order, size) = blame(&pairs, &weights, self.tau, &mut self.budget);
        let mut index = [0; MOST];
        bits(alive).zip(index.iter_mut()).for_each(|(i, to)| *to = i);
        let mut kept = kept;
        for at in &order[..size] {
            let v = index[*at];
            if kept >> v & 1 == 1 {
                continue;
            }
            self.node(alive & !(1 << v), kept, removals - 1)?;
            kept |= 1 << v;
        }
        Ok(())
    }

    fn gather(&self, set: u64) -> Pairs {
        let mut pairs = Pairs::new();
        bits(set).for_each(|i| pairs.push(self.fixed[i], self.moving[i]));
        pairs
    }

    fn mirrored(&self, pairs: &Pairs) -> bool {
        let plain = fit(pairs, &even(pairs.count), false);
        let mirror = fit(pairs, &even(pairs.count), true);
        mirror.largest(pairs.count) <= self.tau * self.tau && mirror.sum < MIRRORED * MIRRORED * plain.sum
    }

    fn refuse_rivals(&mut self, all: u64, members: u64, removals: u32) -> Result<(), Refusal> {
        let pairs = self.gather(members);
        let motion = fit(&pairs, &even(pairs.count), false);
        let rms = libm::sqrt(motion.sum);
        self.best = None;
        for i in bits(all & !members) {
            let off = motion.squared_residual(&self.fixed[i], &self.moving[i]);
            if off > OTHER_MOTION * OTHER_MOTION * self.tau * self.tau {
                self.node(all, 1 << i, removals)?;
            }
        }
        let rival = self.best.map(|(_, squared)| libm::sqrt(squared));
        if rival.is_some_and(|r| rivals(pairs.count, rms, r, self.tau)) {
            return Err(Refusal::Ambiguous);
        }
        Ok(())
    }
}
