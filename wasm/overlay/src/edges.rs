// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Edges with the faces on both sides, over vertices that were welded.

use crate::prepare::{cross, dot, face_normal, CLOSED_IN, CLOSED_OUT};
use crate::project::{point, sqrt};

/// No second face: a boundary.
pub const NONE: u32 = u32::MAX >> 1;
/// cos 40 degrees: a crease's faces lean more than that against one another.
pub const CREASE_COS: f64 = 0.766_044_443_118_978;

/// Writes four words an edge: its ends as the first face runs through them, that face * 2 + 1 for a crease, and the other
/// face (NONE for a boundary) * 2 + 1 where it runs the same way, against the rule. An edge of n > 2 faces is n - 1 edges.
/// Returns their number and the mesh's kind.
pub fn build(
    vertices: &[f32],
    triangles: &[u32],
    canon: &[u32],
    scratch: &mut [u32],
    edges: &mut [u32],
) -> (usize, u32) {
    let (starts, rest) = scratch.split_at_mut(canon.len() + 1);
    let corner = |e: u32| {
        let (t, k) = (e as usize / 3, e as usize % 3);
        [triangles[3 * t + k], triangles[3 * t + (k + 1) % 3]]
    };
    let ends = |e: u32| corner(e).map(|i| canon[i as usize]);
    let usable = |t: usize| {
        let [a, b, c] = [0, 1, 2].map(|k| canon[triangles[3 * t + k] as usize]);
        a != b && b != c && c != a
    };
    let all = || (0..triangles.len() as u32).filter(|e| usable(*e as usize / 3));
    starts.fill(0);
    for e in all() {
        let [a, b] = ends(e);
        starts[a.min(b) as usize + 1] += 1;
    }
    for i in 1..starts.len() {
        starts[i] += starts[i - 1];
    }
    for e in all() {
        let [a, b] = ends(e);
        let at = &mut starts[a.min(b) as usize];
        rest[*at as usize] = e;
        *at += 1;
    }
    let (mut count, mut closed, mut from) = (0, !triangles.is_empty(), 0);
    for to in starts[..canon.len()].iter().map(|n| *n as usize) {
        let other = |e: &u32| {
            let [a, b] = ends(*e);
            a.max(b)
        };
        let bucket = &mut rest[from..to];
        from = to;
        bucket.sort_unstable_by_key(|e| (other(e), *e));
        for run in bucket.chunk_by(|a, b| other(a) == other(b)) {
            closed &= run.len() == 2 && ends(run[0]) != ends(run[1]);
            for i in 0..run.len().max(2) - 1 {
                let (v, face) = (corner(run[i]), run[i] / 3);
                let second = run.get(i + 1).map_or([NONE * 2, 0], |e| {
                    let same = ends(*e) == ends(run[i]);
                    [e / 3 * 2 + u32::from(same), u32::from(sharp(vertices, triangles, face, e / 3, same))]
                });
                edges[4 * count..4 * count + 4].copy_from_slice(&[v[0], v[1], face * 2 + second[1], second[0]]);
                count += 1;
            }
        }
    }
    (count, if closed { orientation(vertices, triangles) } else { 0 })
}

fn sharp(vertices: &[f32], triangles: &[u32], a: u32, b: u32, same: bool) -> bool {
    let [m, n] = [a, b].map(|f| face_normal(vertices, &triangles[3 * f as usize..3 * f as usize + 3]));
    let lengths = sqrt(dot(&m, &m) * dot(&n, &n));
    let cos = if same { -dot(&m, &n) } else { dot(&m, &n) };
    lengths > 0.0 && cos < CREASE_COS * lengths
}

/// Of a closed surface, by the sign of its volume.
fn orientation(vertices: &[f32], triangles: &[u32]) -> u32 {
    let volume: f64 = triangles
        .chunks_exact(3)
        .map(|t| {
            let [a, b, c] = [t[0], t[1], t[2]].map(|i| point(vertices, i as usize));
            dot(&a, &cross(&b, &c))
        })
        .sum();
    if volume > 0.0 {
        CLOSED_OUT
    } else if volume < 0.0 {
        CLOSED_IN
    } else {
        0
    }
}
