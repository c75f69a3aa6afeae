// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Calibration of tools: pivot, spin, sphere; and the time offset between two streams of poses.
//!
//! Poses are rows of 16 f64, row-major 4x4, metres; points rows of three. Nothing allocates; the caller lends the room.
#![no_std]
#![forbid(unsafe_code)]

pub mod offset;
mod order;
pub mod pivot;
pub mod poses;
pub mod sphere;
pub mod spin;
pub mod track;

/// Why there is no answer; the numbers are the module's statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Refusal {
    TooFew = 16,
    NotFinite = 17,
    NotRigid = 18,
    Repeated = 19,
    InsufficientMotion = 20,
    NotASpin = 21,
    Coplanar = 22,
    IllConditioned = 23,
    /// The cost does not change with what is sought.
    Flat = 24,
}
