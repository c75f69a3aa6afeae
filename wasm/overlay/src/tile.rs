// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! The second call of a frame: tile by tile, each mesh into a layer, its lines over that, all of them into the image.

use crate::bins::{bin, touches, TILE};
use crate::blend::{row, sort, AREA};
use crate::camera::Camera;
use crate::faces::EXTRA;
use crate::fill::{Layer, NO_ROWS, SHIFT};
use crate::frame::{cut, Cut, Plan, Slot, SLOT};
use crate::lines::SEGMENT;
use crate::look::Look;
use crate::project::Corner;
use crate::shade::{self, resolve, Fragments, Nearest, Paint, APRON};
use crate::stroke::{Pen, Strokes, CASING};
use crate::{Resident, Scene, Target, Work};

const SIDE: usize = TILE + 2 * APRON;
const STRIDE: usize = SIDE + 4;
const LAYER: usize = STRIDE * (SIDE + 1);
/// Floats of scratch beside the fragments.
pub const FLOATS: usize = 2 * LAYER + 8 * AREA;
/// Bytes of scratch behind the mask: what was there before, and the tile's own mask.
pub const MASK_TAIL: usize = 4 * AREA;
/// Most layers of a tile: all meshes and the window.
const LAYERS: usize = 256;

/// Scratch of one tile, cut.
struct Scratch<'a> {
    layer: [&'a mut [f32]; 2],
    strokes: Strokes<'a>,
    weight: &'a mut [f32],
    nearest: Nearest<'a>,
    fragments: Fragments<'a>,
    before: &'a mut [u8],
    mask: &'a mut [u8],
}

fn scratch<'a>(floats: &'a mut [f32], colours: &'a mut [u32], tail: &'a mut [u8]) -> Scratch<'a> {
    let (invz, rest) = floats.split_at_mut(LAYER);
    let (shade, rest) = rest.split_at_mut(LAYER);
    let (line, rest) = rest.split_at_mut(AREA);
    let (casing, rest) = rest.split_at_mut(AREA);
    let (near, rest) = rest.split_at_mut(AREA);
    let (line_invz, rest) = rest.split_at_mut(AREA);
    let (line_shade, rest) = rest.split_at_mut(AREA);
    let (distance, rest) = rest.split_at_mut(AREA);
    let (weight, rest) = rest.split_at_mut(AREA);
    let (best, fragments) = rest.split_at_mut(AREA);
    let (id, colour) = colours.split_at_mut(AREA);
    let (before, mask) = tail.split_at_mut(3 * AREA);
    Scratch {
        layer: [invz, shade],
        strokes: Strokes { line, casing, near, invz: line_invz, shade: line_shade, distance, rows: [[0; 2]; TILE] },
        weight,
        nearest: Nearest { empty: true, invz: best, id },
        fragments: Fragments { invz: fragments, colour },
        before,
        mask: &mut mask[..AREA],
    }
}

/// Draws what `project` planned, with the same scene, camera, look and work.
pub fn render(
    target: &mut Target,
    resident: &Resident,
    scene: &Scene,
    camera: &Camera,
    look: &Look,
    work: &mut Work,
    plan: &Plan,
) {
    let (columns, lines) = (target.width.div_ceil(TILE), target.height.div_ceil(TILE));
    let (tiles, meshes) = (columns * lines, scene.select.len());
    let room = work.segments.len() / SEGMENT;
    let (mask, tail) = target.mask.split_at_mut(target.width * target.height);
    let mut painter = Painter {
        resident,
        scene,
        camera,
        look,
        plan,
        tiles,
        corners: work.corners,
        extra: work.extra,
        spans: work.spans,
        segments: work.segments,
        cut: cut(work.words, room, meshes * tiles + 1, work.spans.len(), meshes),
        scratch: scratch(work.floats, work.colours, tail),
    };
    let window = look.bounds(target.width, target.height);
    let mut canvas = Canvas {
        width: target.width,
        height: target.height,
        image: target.image,
        depth: target.depth,
        ids: target.ids,
        mask,
    };
    let [first, step] = plan.share;
    for tile in (first..lines).step_by(step.max(1)).flat_map(|line| columns * line..columns * (line + 1)) {
        let (x, y) = (tile % columns * TILE, tile / columns * TILE);
        let (l, t) = (x as i32, y as i32);
        let side = TILE as i32;
        let dark = window[0] < l + side && l < window[2] && window[1] < t + side && t < window[3];
        let drawn = painter.tile(&mut canvas, tile, x, y, dark);
        if !drawn && target.dirty[tile] != 0 {
            canvas.empty(x, y);
        }
        target.dirty[tile] = i32::from(drawn);
    }
}

/// The target without its mask's scratch.
struct Canvas<'a> {
    width: usize,
    height: usize,
    image: &'a mut [u8],
    depth: &'a mut [f32],
    ids: &'a mut [u8],
    mask: &'a [u8],
}

impl Canvas<'_> {
    fn size(&self, x: usize, y: usize) -> [usize; 2] {
        [TILE.min(self.width - x), TILE.min(self.height - y)]
    }

    fn span(&self, x: usize, y: usize) -> core::ops::Range<usize> {
        y * self.width + x..y * self.width + (x + TILE).min(self.width)
    }

    fn pixels(&mut self, x: usize, y: usize) -> &mut [u8] {
        let span = self.span(x, y);
        &mut self.image[3 * span.start..3 * span.end]
    }

    fn empty(&mut self, x: usize, y: usize) {
        for y in y..(y + TILE).min(self.height) {
            let span = self.span(x, y);
            self.depth[span.clone()].fill(f32::INFINITY);
            self.ids[span].fill(0);
        }
    }
}

struct Painter<'a> {
    resident: &'a Resident<'a>,
    scene: &'a Scene<'a>,
    camera: &'a Camera,
    look: &'a Look,
    plan: &'a Plan,
    tiles: usize,
    corners: &'a [u32],
    extra: &'a [u32],
    spans: &'a [u32],
    segments: &'a [u32],
    cut: Cut<'a>,
    scratch: Scratch<'a>,
}

impl Painter<'_> {
    /// Draws one tile; returns whether any mesh is on it.
    fn tile(&mut self, canvas: &mut Canvas, tile: usize, x: usize, y: usize, dark: bool) -> bool {
        let size = canvas.size(x, y);
        let mut layers = 0;
        let (mut order, mut ranges) = ([0u16; LAYERS], [[0.0f32; 2]; LAYERS]);
        let (mut some, mut masked) = (false, false);
        self.scratch.nearest.empty = true;
        let most = if dark { self.look.weights(x, y, self.scratch.weight) } else { 0.0 };
        for slot in 0..self.plan.slots {
            let words = Slot::load(&self.cut.slots[SLOT * slot..SLOT * (slot + 1)]);
            let style = self.scene.style(words.mesh);
            let occluder = style[9] > 0.0;
            let Some((strokes, rows)) = self.layer(slot, &words, tile, [x, y], size) else { continue };
            some = true;
            let paint = Paint {
                bgr: [style[0], style[1], style[2]],
                fill: match () {
                    _ if occluder => 1.0,
                    _ if self.look.window.is_some() && most == 0.0 => 0.0,
                    _ => style[3],
                },
                cue: self.look.cue,
                casing: if occluder { 0.0 } else { CASING[1] },
            };
            let s = &mut self.scratch;
            let [invz, shade] = &mut s.layer;
            let mut layer = layer_of(invz, shade, [x, y], [0; 4]);
            layer.rows = rows;
            let solid = !occluder && style[11] <= 0.0;
            let alone = layers == 0 && s.nearest.empty && solid && !masked && !self.look.masked && most == 0.0;
            if alone
                && !(slot + 1..self.plan.slots)
                    .any(|slot| on_tile(self.spans, &self.cut, self.tiles, slot, tile, [x, y]))
            {
                let strokes = strokes.then_some(&s.strokes);
                for j in 0..size[1] {
                    let span = canvas.span(x, y + j);
                    let image = &mut canvas.image[3 * span.start..3 * span.end];
                    let (depth, ids) = (&mut canvas.depth[span.clone()], &mut canvas.ids[span]);
                    shade::alone(&layer, strokes, &paint, j, words.mesh as u8 + 1, image, depth, ids);
                }
                layer.clear();
                return true;
            }
            let id = (&mut s.nearest, words.mesh as u8 + 1);
            let mut out = Fragments {
                invz: &mut s.fragments.invz[layers * AREA..(layers + 1) * AREA],
                colour: &mut s.fragments.colour[layers * AREA..(layers + 1) * AREA],
            };
            let weight = (most > 0.0 && !occluder).then_some(&*s.weight);
            let strokes = strokes.then_some(&s.strokes);
            let range = resolve(&layer, strokes, weight, &paint, size[1], solid.then_some(id), &mut out);
            layer.clear();
            if range[1] == 0.0 {
                continue;
            }
            if occluder {
                if !masked {
                    s.mask.fill(0);
                    masked = true;
                }
                s.mask.iter_mut().zip(&*out.colour).for_each(|(m, c)| *m = (*m).max((c >> 24) as u8));
            } else {
                (order[layers], ranges[layers]) = (layers as u16, range);
                layers += 1;
            }
        }
        if layers > 0 || most > 0.0 {
            let masked = self.mask(canvas, x, y, size, masked);
            self.blend(canvas, x, y, size, &mut order[..layers], &mut ranges[..layers], most);
            if masked {
                self.restore(canvas, x, y, size);
            }
        }
        // occluders and shells alone leave nothing to be seen
        let some = some && !self.scratch.nearest.empty;
        if some {
            self.finish(canvas, x, y, size[1]);
        }
        some
    }

    /// Draws a mesh's triangles and lines into the layer; None where it has none here, else whether it has lines,
    /// and the layer's rows.
    fn layer(
        &mut self,
        slot: usize,
        words: &Slot,
        tile: usize,
        at: [usize; 2],
        size: [usize; 2],
    ) -> Option<(bool, [usize; 2])> {
        let [counts, line_counts] = &self.cut.counts;
        let [items, line_items] = &self.cut.items;
        let (column, line) = (at[0] / TILE, at[1] / TILE);
        let own = bin(counts, items, self.tiles, slot, tile);
        let large = &items[words.large_triangles.clone()];
        let on = |spans: &[u32], i: &u32| touches(spans[*i as usize], column, line);
        let lines = bin(line_counts, line_items, self.tiles, slot, tile);
        let large_lines = &line_items[words.large_segments.clone()];
        let stroked = !lines.is_empty() || large_lines.iter().any(|i| on(self.cut.segment_spans, i));
        if own.is_empty() && !stroked && !large.iter().any(|i| on(self.spans, i)) {
            return None;
        }
        let apron = if stroked { self.plan.apron } else { 0 };
        let (low, high) = ((APRON - apron) as i32, |n: usize| (APRON + n + apron) as i32);
        let clip = [low, low, high(size[0]), high(size[1])];
        let s = &mut self.scratch;
        let [invz, shade] = &mut s.layer;
        let mut layer = layer_of(invz, shade, at, clip);
        let style = self.scene.style(words.mesh);
        let row = crate::ROW * self.scene.select[words.mesh] as usize;
        let base = self.resident.table[row] as usize;
        let resident = self.resident.triangles.len() / 3;
        let triangles = own.iter().chain(large.iter().filter(|i| on(self.spans, i)));
        for i in triangles.map(|i| *i as usize) {
            let corner = |w: &[u32], k: usize| Corner::load(&w[4 * k..4 * k + 4]);
            if i < resident {
                let t = &self.resident.triangles[3 * i..3 * i + 3];
                layer.triangle(&[0, 1, 2].map(|k| corner(self.corners, base + t[k] as usize)));
            } else {
                let w = &self.extra[EXTRA * (i - resident)..EXTRA * (i - resident + 1)];
                layer.triangle(&[0, 1, 2].map(|k| corner(w, k)));
            }
        }
        if stroked {
            let pen = Pen {
                outline: style[4],
                crease: style[6],
                width: style[7].min(6.0),
                dashed: style[8] > 0.0,
                anchor: {
                    let row = &self.resident.table[row..row + crate::ROW];
                    anchor(row, &self.scene.pose(words.mesh, row), self.camera)
                },
            };
            s.strokes.clear();
            let lines = lines.iter().chain(large_lines.iter().filter(|i| on(self.cut.segment_spans, i)));
            let size = size.map(|n| n as i32);
            for i in lines.map(|i| *i as usize) {
                let segment = &self.segments[SEGMENT * i..SEGMENT * (i + 1)];
                s.strokes.draw(segment, &layer, at[0] as i32, at[1] as i32, size, &pen);
            }
        }
        Some((stroked, layer.rows))
    }

    /// Joins the tile's mask with the frame's; keeps what is under it. Returns whether there is any.
    fn mask(&mut self, canvas: &mut Canvas, x: usize, y: usize, size: [usize; 2], occluded: bool) -> bool {
        let s = &mut self.scratch;
        if !occluded && !self.look.masked {
            return false;
        }
        if !occluded {
            s.mask.fill(0);
        }
        if self.look.masked {
            for j in 0..size[1] {
                let span = canvas.span(x, y + j);
                let own = s.mask[j * TILE..].iter_mut();
                own.zip(&canvas.mask[span]).for_each(|(m, v)| *m = (*m).max(*v));
            }
        }
        for j in 0..size[1] {
            s.before[3 * TILE * j..][..3 * size[0]].copy_from_slice(canvas.pixels(x, y + j));
        }
        true
    }

    /// Puts back what is under the mask.
    fn restore(&self, canvas: &mut Canvas, x: usize, y: usize, size: [usize; 2]) {
        for j in 0..size[1] {
            let before = self.scratch.before[3 * TILE * j..].chunks_exact(3);
            let mask = &self.scratch.mask[TILE * j..TILE * (j + 1)];
            let pixels = canvas.pixels(x, y + j);
            for ((now, before), mask) in pixels.chunks_exact_mut(3).zip(before).zip(mask) {
                if *mask != 0 {
                    let m = u32::from(*mask);
                    for (n, b) in now.iter_mut().zip(before) {
                        *n = ((u32::from(*n) * (255 - m) + u32::from(*b) * m + 127) / 255) as u8;
                    }
                }
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn blend(
        &mut self,
        canvas: &mut Canvas,
        x: usize,
        y: usize,
        size: [usize; 2],
        order: &mut [u16],
        ranges: &mut [[f32; 2]],
        most: f32,
    ) {
        let s = &mut self.scratch;
        let Fragments { invz, colour } = &mut s.fragments;
        sort(invz, colour, order, ranges);
        for j in 0..size[1] {
            let pixels = canvas.pixels(x, y + j);
            if most > 0.0 {
                let mut dark = [0; TILE];
                let weights = &s.weight[TILE * j..TILE * (j + 1)];
                dark.iter_mut().zip(weights).for_each(|(d, w)| *d = self.look.dark(*w));
                row(pixels, &dark[..size[0]]);
            }
            for layer in order.iter().map(|i| usize::from(*i)) {
                row(pixels, &colour[layer * AREA + TILE * j..][..size[0]]);
            }
        }
    }

    /// Writes depth and ids.
    fn finish(&self, canvas: &mut Canvas, x: usize, y: usize, lines: usize) {
        for j in 0..lines {
            let span = canvas.span(x, y + j);
            let (depth, ids) = (&mut canvas.depth[span.clone()], &mut canvas.ids[span]);
            self.scratch.nearest.write(TILE * j, depth, ids);
        }
    }
}

/// Whether a mesh has anything on a tile.
fn on_tile(spans: &[u32], cut: &Cut, tiles: usize, slot: usize, tile: usize, at: [usize; 2]) -> bool {
    let words = Slot::load(&cut.slots[SLOT * slot..SLOT * (slot + 1)]);
    let large = [words.large_triangles, words.large_segments];
    let own = |k: usize| !bin(&*cut.counts[k], &*cut.items[k], tiles, slot, tile).is_empty();
    let any = |k: usize, spans: &[u32]| {
        let large = &cut.items[k][large[k].clone()];
        large.iter().any(|i| touches(spans[*i as usize], at[0] / TILE, at[1] / TILE))
    };
    own(0) || own(1) || any(0, spans) || any(1, &*cut.segment_spans)
}

fn layer_of<'a>(invz: &'a mut [f32], shade: &'a mut [f32], at: [usize; 2], clip: [i32; 4]) -> Layer<'a> {
    let [left, top] = at.map(|v| v as i32 - APRON as i32);
    Layer { invz, shade, stride: STRIDE, left, top, clip, rows: NO_ROWS }
}

/// Where a mesh's dashes begin: the picture of its bounds' middle.
fn anchor(row: &[u32], pose: &crate::project::Pose, camera: &Camera) -> [f32; 2] {
    let bound = |i: usize| f64::from(f32::from_bits(row[8 + i]));
    let p = pose.apply(&core::array::from_fn(|k| (bound(k) + bound(3 + k)) * 0.5));
    match camera.outcode(&p) {
        0 => camera.snapped(&p).map(|v| (v >> SHIFT) as f32),
        _ => [0.0; 2],
    }
}
