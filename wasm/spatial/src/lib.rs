// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! A search tree over points or triangles: what the kernels of surface registration and of distances share.
#![no_std]
#![forbid(unsafe_code)]

pub mod ball;
pub mod items;
pub mod lanes;
pub mod tree;
pub mod vector;
