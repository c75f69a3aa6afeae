// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Owns the arrays that the host's arena gives, and runs a registration from raw points to its evidence.
#![allow(dead_code)]

use surface::*;

pub struct Prepared {
    pub kept: Kept,
    pub points: Vec<f64>,
    pub normals: Vec<f64>,
    pub gaps: Vec<f32>,
    pub nodes: Vec<f32>,
    pub leaves: Vec<f32>,
    pub starts: Vec<u32>,
    pub triangles: Option<Vec<f64>>,
}

struct Room {
    sums: Vec<f64>,
    keys: Vec<u32>,
    table: Vec<u32>,
    items: Vec<u32>,
}

fn blank(n: usize, faces: usize) -> (Prepared, Room) {
    let most = n.max(faces);
    let (nodes, leaves, starts) = room(most);
    let prepared = Prepared {
        kept: Kept::default(),
        points: vec![0.0; 3 * n],
        normals: vec![0.0; 3 * n],
        gaps: vec![0.0; n],
        nodes: vec![0.0; nodes],
        leaves: vec![0.0; leaves],
        starts: vec![0; starts],
        triangles: None,
    };
    let room = Room {
        sums: vec![0.0; (4 * n).max(12 * faces)],
        keys: vec![0; 2 * n],
        table: vec![0; table_room(n)],
        items: vec![0; 4 * most],
    };
    (prepared, room)
}

pub fn prepare_cloud(raw: &[f64], wish: &Wish) -> Result<Prepared, Refusal> {
    let (mut p, mut room) = blank(raw.len() / 3, 0);
    let mut work = Work { sums: &mut room.sums, keys: &mut room.keys, table: &mut room.table, items: &mut room.items };
    let mut store = Store { nodes: &mut p.nodes, leaves: &mut p.leaves, starts: &mut p.starts };
    p.kept = cloud(raw, wish, &mut work, &mut store, &mut p.points, &mut p.normals, &mut p.gaps)?;
    Ok(p)
}

pub fn prepare_mesh(vertices: &[f64], faces: &[u32]) -> Result<Prepared, Refusal> {
    let (mut p, mut room) = blank(vertices.len() / 3, faces.len() / 3);
    let mut store = Store { nodes: &mut p.nodes, leaves: &mut p.leaves, starts: &mut p.starts };
    let mut sorted = vec![0.0; 4 * faces.len()];
    p.kept = triangles(vertices, faces, &mut room.items, &mut room.sums, &mut store, &mut sorted)?;
    p.triangles = Some(sorted);
    Ok(p)
}

impl Prepared {
    pub fn tree(&self) -> Tree<'_> {
        Tree::new(self.kept.count, &self.nodes, &self.leaves, &self.starts, self.triangles.is_some())
    }

    pub fn target(&self) -> Target<'_> {
        let n = 3 * self.kept.count;
        let shape = match &self.triangles {
            Some(triangles) => Shape::Mesh { triangles: &triangles[..4 * n] },
            None => Shape::Cloud { points: &self.points[..n], normals: &self.normals[..n], gaps: &self.gaps[..n / 3] },
        };
        Target { tree: self.tree(), shape }
    }

    /// The partners of centred points at a pose: index and closest point.
    pub fn partners(&self, queries: &[f64], reach: f64) -> (Vec<u32>, Vec<f64>) {
        let mut index = vec![NONE; queries.len() / 3];
        let (mut point, mut normal) = (vec![0.0; queries.len()], vec![0.0; queries.len()]);
        let mut pairs = Pairs { index: &mut index, point: &mut point, normal: &mut normal };
        let still = Motion::from_rows(&[1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        find(&self.target(), queries, &still, reach, &mut pairs);
        (index, point)
    }
}

/// The pose in raw coordinates and its evidence.
pub fn register(
    target: &Prepared,
    source: &Prepared,
    start: &[f64],
    how: &Settings,
) -> Result<([f64; 16], Evidence), Refusal> {
    let n = source.kept.count;
    let (mut index, mut point, mut normal) = (vec![NONE; n], vec![0.0; 3 * n], vec![0.0; 3 * n]);
    let mut pairs = Pairs { index: &mut index, point: &mut point, normal: &mut normal };
    let normals = if how.method == Method::Gicp { 3 * n } else { 0 };
    let own = Source { points: &source.points[..3 * n], normals: &source.normals[..normals] };
    let (to, from) = (target.kept.origin, source.kept.origin);
    let start = to_centred(&Motion::from_rows(start), &to, &from);
    let outcome = align(&target.target(), &own, start, how, &mut pairs, &mut vec![0.0; n]).ok_or(Refusal::NoOverlap)?;
    let raw = to_raw(&outcome.motion, &to, &from);
    let pose = core::array::from_fn(|k| raw.t[k] - (outcome.motion.t[k] + to[k]));
    let evidence = judge(&own, &pairs, &outcome, how, &pose).ok_or(Refusal::NoOverlap)?;
    let mut rows = [0.0; 16];
    raw.write(&mut rows);
    match evidence.information[0] < FREE {
        true => Err(Refusal::Degenerate),
        false => Ok((rows, evidence)),
    }
}
