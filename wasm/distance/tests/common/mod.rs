// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Owns the arrays that the host's arena gives.
#![allow(dead_code)]

use distance::*;

#[derive(Default)]
pub struct Owned {
    raw: Vec<f32>,
    corners: Vec<f32>,
    order: Vec<u32>,
    items: Vec<u32>,
    nodes: Vec<f32>,
    leaves: Vec<f32>,
    starts: Vec<u32>,
    moments: Vec<f32>,
    planes: Vec<f32>,
    pub places: Vec<Place>,
}

impl Owned {
    /// Room as the module's arena has it, for meshes of nine numbers a triangle.
    pub fn room(meshes: &[Vec<f32>]) -> Self {
        let triangles: usize = meshes.iter().map(|m| m.len() / CORNERS).sum();
        let leaves = triangles / 4 + meshes.len();
        let nodes = leaves / 3 + meshes.len();
        Owned {
            raw: meshes.concat(),
            corners: vec![0.0; CORNERS * triangles],
            order: vec![0; triangles],
            items: vec![0; 4 * triangles],
            nodes: vec![0.0; NODE * nodes],
            leaves: vec![0.0; LEAF * leaves],
            starts: vec![0; leaves + meshes.len()],
            moments: vec![0.0; ROW * nodes],
            planes: vec![0.0; LEAF * leaves],
            places: Vec::new(),
        }
    }

    /// None where a mesh is refused.
    pub fn prepared(meshes: &[Vec<f32>]) -> Option<Self> {
        let mut owned = Owned::room(meshes);
        let mut place = Place::default();
        let mut places = Vec::new();
        let mut arrays = owned.arrays();
        for mesh in meshes {
            place = prepare(place.next(mesh.len() / CORNERS), &mut arrays)?;
            places.push(place);
        }
        owned.places = places;
        Some(owned)
    }

    pub fn arrays(&mut self) -> Arrays<'_> {
        Arrays {
            raw: &self.raw,
            corners: &mut self.corners,
            order: &mut self.order,
            items: &mut self.items,
            nodes: &mut self.nodes,
            leaves: &mut self.leaves,
            starts: &mut self.starts,
            moments: &mut self.moments,
            planes: &mut self.planes,
        }
    }

    pub fn query(&mut self, mesh: usize, q: &[f64; 3]) -> Answer {
        let place = self.places[mesh];
        query(&Mesh::at(place, &self.arrays()), q)
    }
}

/// A ball of 4 n (n - 1) triangles that face outwards.
pub fn ball(radius: f64, n: usize) -> Vec<f32> {
    let at = |i: usize, j: usize| {
        let (u, v) =
            (std::f64::consts::PI * i as f64 / n as f64, std::f64::consts::PI * (j % (2 * n)) as f64 / n as f64);
        [u.sin() * v.cos(), u.sin() * v.sin(), u.cos()].map(|x| (radius * x) as f32)
    };
    let mut out = Vec::new();
    for i in 0..n {
        for j in 0..2 * n {
            if i > 0 {
                out.extend([at(i, j), at(i + 1, j), at(i, j + 1)].concat());
            }
            if i + 1 < n {
                out.extend([at(i, j + 1), at(i + 1, j), at(i + 1, j + 1)].concat());
            }
        }
    }
    out
}

/// The same triangles the other way round.
pub fn turned(mesh: &[f32]) -> Vec<f32> {
    mesh.chunks_exact(9).flat_map(|t| [&t[6..9], &t[3..6], &t[..3]].concat()).collect()
}
