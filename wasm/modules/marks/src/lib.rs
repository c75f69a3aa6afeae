// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! Readouts over a picture as a WebAssembly module of their own, so that no other kernel's trap takes them away.
//! Capacities: width, height, marks, points, glyphs, bytes of the atlas, segments.
#![cfg_attr(target_arch = "wasm32", no_std)]

use abi::{status, Arena, Capacities, Kind};
use kernel::lanes::PIXELS;
use kernel::{Picture, Scratch, Sources, GLYPH, LONGEST_PERIOD, MARK, SEGMENT};

fn lengths(c: &Capacities) -> [(Kind, u64); 10] {
    let [width, height, marks, points, glyphs, atlas, segments] =
        [c[0], c[1], c[2], c[3], c[4], c[5], c[6]].map(u64::from);
    [
        (Kind::U8, 3 * width * height), // 0 picture, three bytes a pixel; only what marks touch is read
        (Kind::F64, MARK as u64 * marks), // 1 marks
        (Kind::F64, 2 * points),        // 2 points of lines, px
        (Kind::I32, GLYPH as u64 * glyphs), // 3 glyphs of texts
        (Kind::U8, atlas),              // 4 coverage of the glyphs, row by row
        (Kind::F32, width + PIXELS as u64), // 5 a row's distances
        (Kind::U8, 4 * (width + LONGEST_PERIOD as u64)), // 6 a row's coverage and colours
        (Kind::F32, SEGMENT as u64 * segments), // 7 a line's segments
        (Kind::U32, segments),          // 8 those near a band of rows
        (Kind::U32, 4),                 // 9 state: how many marks, points, glyphs, bytes of the atlas there are
    ]
}

abi::kernel!(layout = 1, capacities = 7, blocks = 10, lengths = lengths, draw = draw_block);

fn draw_block(mut arena: Arena) -> i32 {
    let state = arena.u32(9);
    let [marks, points, glyphs, atlas] = [0, 1, 2, 3].map(|i| state[i] as usize);
    if [marks, points, glyphs, atlas].iter().zip(2..).any(|(used, i)| *used > arena.capacity(i)) {
        return status::INPUT;
    }
    let mut picture = Picture { width: arena.capacity(0), height: arena.capacity(1), pixels: arena.u8(0) };
    let sources = Sources {
        points: &arena.f64(2)[..2 * points],
        glyphs: &arena.i32(3)[..GLYPH * glyphs],
        atlas: &arena.u8(4)[..atlas],
    };
    let mut scratch =
        Scratch { distances: arena.f32(5), cover: arena.u8(6), segments: arena.f32(7), near: arena.u32(8) };
    match kernel::draw(&mut picture, &arena.f64(1)[..MARK * marks], &sources, &mut scratch) {
        true => status::OK,
        false => status::INPUT,
    }
}
