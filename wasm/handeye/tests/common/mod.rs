// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The slices that a caller owns.

use handeye::{solve, Options, Refusal, Room, Solution};

pub struct Workspace {
    pub residuals: Vec<f64>,
    pub keep: Vec<f64>,
    pub motion: Vec<f64>,
    scratch: Vec<f64>,
}

impl Workspace {
    pub fn new(n: usize) -> Self {
        Workspace { residuals: vec![0.0; 6 * n], keep: vec![0.0; n], motion: vec![0.0; 6], scratch: vec![0.0; 2 * n] }
    }

    pub fn solve(&mut self, a: &[f64], b: &[f64], options: &Options) -> Result<Solution, (Refusal, usize)> {
        let mut room = Room {
            residuals: &mut self.residuals,
            keep: &mut self.keep,
            scratch: &mut self.scratch,
            motion: &mut self.motion,
        };
        solve(a, b, options, &mut room)
    }
}
