// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Once a mesh: index check and vertex normals.

use crate::project::{point, sqrt};

/// Unit vertex normals, the area-weighted mean of the faces'; zero where a vertex has no area around it. Returns false
/// where a table entry or an index is out of range.
pub fn prepare(vertices: &[f32], triangles: &[u32], table: &[u32], normals: &mut [f32]) -> bool {
    normals.fill(0.0);
    table.chunks_exact(4).all(|t| {
        let [first, count, start, faces] = [t[0], t[1], t[2], t[3]].map(|v| v as usize);
        let fits = first.checked_add(count).is_some_and(|n| n <= vertices.len() / 3)
            && start.checked_add(faces).is_some_and(|n| n <= triangles.len() / 3);
        fits && accumulate(vertices, &triangles[3 * start..3 * (start + faces)], first, count, normals)
    }) && normalise(normals)
}

fn accumulate(vertices: &[f32], triangles: &[u32], first: usize, count: usize, normals: &mut [f32]) -> bool {
    triangles.chunks_exact(3).all(|t| {
        if t.iter().any(|i| *i as usize >= count) {
            return false;
        }
        let index = [first + t[0] as usize, first + t[1] as usize, first + t[2] as usize];
        let [a, b, c] = index.map(|i| point(vertices, i));
        let (u, v) = (minus(&b, &a), minus(&c, &a));
        let n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        for i in index {
            for k in 0..3 {
                normals[3 * i + k] += n[k] as f32;
            }
        }
        true
    })
}

fn minus(a: &[f64; 3], b: &[f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn normalise(normals: &mut [f32]) -> bool {
    for n in normals.chunks_exact_mut(3) {
        let length = sqrt(n.iter().map(|v| f64::from(*v) * f64::from(*v)).sum());
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        n.iter_mut().for_each(|v| *v = (f64::from(*v) * scale) as f32);
    }
    true
}
