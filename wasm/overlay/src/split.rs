// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Edges that the distortion bends are halved until what is drawn straight is right to a quarter of a pixel.

use crate::camera::Camera;
use crate::project::Vertex;

/// How far a straight edge may be from the bent one, and by which share its 1/z.
pub const BEND_PX: f64 = 0.25;
pub const BEND_DEPTH: f64 = 5e-4;
/// Shorter edges are left alone, whatever the lens.
pub const SHORT_PX: f64 = 12.0;
/// An edge is halved at most so many times: a triangle becomes at most 4096, a quarter of the least room for them.
pub const DEEPEST: u32 = 6;

pub fn middle(a: &Vertex, b: &Vertex) -> Vertex {
    Vertex { p: core::array::from_fn(|k| (a.p[k] + b.p[k]) * 0.5), shade: (a.shade + b.shade) * 0.5 }
}

/// Whether the picture of an edge departs from the line through its ends' pictures.
pub fn bent(a: &Vertex, b: &Vertex, camera: &Camera) -> bool {
    let (pa, pb) = (camera.pixel(&a.p), camera.pixel(&b.p));
    let (dx, dy) = (pb[0] - pa[0], pb[1] - pa[1]);
    let squared = dx * dx + dy * dy;
    if squared < camera.short() * camera.short() {
        return false;
    }
    let (ia, ib) = (1.0 / a.p[2], 1.0 / b.p[2]);
    [0.25, 0.5, 0.75].iter().any(|s| {
        let p: [f64; 3] = core::array::from_fn(|k| a.p[k] + s * (b.p[k] - a.p[k]));
        let q = camera.pixel(&p);
        let (qx, qy) = (q[0] - pa[0], q[1] - pa[1]);
        let off = dx * qy - dy * qx;
        let along = (dx * qx + dy * qy) / squared;
        let depth = (ia + along * (ib - ia)) * p[2] - 1.0;
        off * off > BEND_PX * BEND_PX * squared || depth.abs() > BEND_DEPTH
    })
}

/// Calls `emit` with triangles without bent edges, as long as it returns true.
pub fn triangle(t: &[Vertex; 3], camera: &Camera, depth: u32, emit: &mut dyn FnMut(&[Vertex; 3]) -> bool) -> bool {
    let cut = |i: usize| bent(&t[i], &t[(i + 1) % 3], camera);
    let cuts = if depth < DEEPEST { [cut(0), cut(1), cut(2)] } else { [false; 3] };
    let [ab, bc, ca] = [0, 1, 2].map(|i| middle(&t[i], &t[(i + 1) % 3]));
    let [a, b, c] = *t;
    let mut next = |t: [Vertex; 3]| triangle(&t, camera, depth + 1, emit);
    match cuts {
        [false, false, false] => emit(t),
        [true, true, true] => next([a, ab, ca]) && next([ab, b, bc]) && next([ca, bc, c]) && next([ab, bc, ca]),
        [true, false, false] => next([a, ab, c]) && next([ab, b, c]),
        [false, true, false] => next([a, b, bc]) && next([a, bc, c]),
        [false, false, true] => next([a, b, ca]) && next([ca, b, c]),
        [true, true, false] => next([ab, b, bc]) && next([a, ab, bc]) && next([a, bc, c]),
        [false, true, true] => next([ca, bc, c]) && next([a, b, bc]) && next([a, bc, ca]),
        [true, false, true] => next([a, ab, ca]) && next([ab, b, c]) && next([ab, c, ca]),
    }
}

/// The same for a line.
pub fn line(
    a: &Vertex,
    b: &Vertex,
    camera: &Camera,
    depth: u32,
    emit: &mut dyn FnMut(&Vertex, &Vertex) -> bool,
) -> bool {
    if depth >= DEEPEST || !bent(a, b, camera) {
        return emit(a, b);
    }
    let m = middle(a, b);
    line(a, &m, camera, depth + 1, emit) && line(&m, b, camera, depth + 1, emit)
}
