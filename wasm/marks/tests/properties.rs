// SPDX-FileCopyrightText: 2026 The arsurg_ros authors
// SPDX-License-Identifier: Apache-2.0
//! What holds for any mark: areas, nothing blended twice, nothing outside, no panic.

mod common;

use common::{white, Canvas, BOX, LINE, STRIPES, TEXT};
use testkit::Random;

const PI: f64 = std::f64::consts::PI;

#[test]
fn a_line_covers_its_length_times_its_width_and_round_ends() {
    let mut random = Random::new(1);
    for _ in 0..40 {
        let mut canvas = Canvas::new(120, 90, 4);
        let radius = random.range(0.6, 6.0);
        canvas.points =
            [(8.0, 111.0), (8.0, 81.0), (8.0, 111.0), (8.0, 81.0)].map(|(a, b)| random.range(a, b)).to_vec();
        assert!(canvas.draw(&white(LINE, 1.0, 2, &[radius])));
        let length = (canvas.points[2] - canvas.points[0]).hypot(canvas.points[3] - canvas.points[1]);
        let wanted = 2.0 * radius * length + PI * radius * radius;
        assert!((canvas.light() - wanted).abs() < 0.02 * wanted + 0.5, "{} not {wanted}", canvas.light());
    }
}

#[test]
fn a_disc_covers_its_area_wherever_it_is() {
    let mut random = Random::new(2);
    for _ in 0..40 {
        let mut canvas = Canvas::new(40, 40, 1);
        let radius = random.range(1.0, 12.0);
        canvas.points = vec![random.range(15.0, 25.0), random.range(15.0, 25.0)];
        assert!(canvas.draw(&white(LINE, 1.0, 1, &[radius])));
        // The soft edge, one pixel wide and straight, adds a twelfth of a pixel to the square of the radius.
        let wanted = PI * (radius * radius + 1.0 / 12.0);
        assert!((canvas.light() - wanted).abs() < 0.3 + 0.002 * wanted, "{} not {wanted}", canvas.light());
    }
}

#[test]
fn joins_and_crossings_are_not_blended_twice() {
    let mut canvas = Canvas::new(64, 64, 8);
    canvas.points = vec![8.0, 8.0, 56.0, 56.0, 56.0, 8.0, 8.0, 56.0];
    assert!(canvas.draw(&white(LINE, 0.5, 4, &[3.0])));
    assert_eq!(canvas.pixels.iter().max(), Some(&128));
    assert_eq!([canvas.at(56, 56), canvas.at(32, 32), canvas.at(20, 20)], [128; 3]);
}

#[test]
fn a_closed_line_returns_to_its_start() {
    let mut open = Canvas::new(40, 40, 4);
    open.points = vec![5.0, 5.0, 35.0, 5.0, 35.0, 35.0];
    let mut closed = Canvas::new(40, 40, 4);
    closed.points.clone_from(&open.points);
    assert!(
        open.draw(&white(LINE, 1.0, 3, &[1.0])) && closed.draw(&white(LINE, 1.0, 3, &[1.0, 0.0, 0.0, 0.0, 0.0, 1.0]))
    );
    assert_eq!((open.at(20, 20), closed.at(20, 20)), (0, 255));
}

#[test]
fn dashes_have_their_length_and_go_on_round_corners() {
    let mut canvas = Canvas::new(120, 20, 64);
    // Two pieces of one straight line: the pattern does not begin anew at the point between.
    canvas.points = vec![10.0, 10.0, 37.0, 10.0, 110.0, 10.0];
    assert!(canvas.draw(&white(LINE, 1.0, 3, &[0.5, 0.0, 0.0, 6.0, 4.0])));
    for x in 10..110 {
        let along = (x - 10) % 10;
        assert_eq!(canvas.at(x, 10), if along <= 6 { 255 } else { canvas.at(x, 10).min(1) }, "{x}");
    }
}

#[test]
fn a_halo_is_dark_and_lies_under_the_line() {
    let mut canvas = Canvas::new(40, 40, 2);
    canvas.pixels.fill(200);
    canvas.points = vec![5.0, 20.0, 35.0, 20.0];
    assert!(canvas.draw(&white(LINE, 1.0, 2, &[1.5, 2.0, 1.0])));
    assert_eq!([20, 22, 23, 25].map(|y| canvas.at(20, y)), [255, 0, 0, 200]);
}

#[test]
fn marks_out_of_sight_leave_the_picture() {
    let mut canvas = Canvas::new(30, 20, 64);
    canvas.points = vec![-50.0, -9.0, 90.0, -9.0, 1e9, 1e9, -1e9, 1e9];
    canvas.glyphs = vec![0, 2, 2, 30, 3, 0, 2, 2, i32::MIN, i32::MAX];
    canvas.atlas = vec![255; 4];
    for mark in [
        white(LINE, 1.0, 4, &[2.0, 3.0, 1.0]),
        white(LINE, 1.0, 4, &[2.0, 3.0, 1.0, 5.0, 5.0, 1.0]),
        white(BOX, 1.0, 0, &[40.0, 0.0, 50.0, 20.0, 3.0]),
        white(BOX, 1.0, 0, &[-1e300, -1e300, 0.0, 1e300, 0.0]),
        white(STRIPES, 1.0, 0, &[0.0, 20.0, 30.0, 40.0, 8.0, 1.0, 0.6]),
        white(TEXT, 1.0, 2, &[]),
    ] {
        assert!(canvas.draw(&mark));
        assert_eq!(canvas.light(), 0.0, "{mark:?}");
    }
}

#[test]
fn too_many_dashes_are_refused() {
    let mut canvas = Canvas::new(100, 10, 9);
    canvas.points = vec![0.0, 5.0, 99.0, 5.0];
    assert!(!canvas.draw(&white(LINE, 1.0, 2, &[1.0, 0.0, 0.0, 5.0, 5.0])));
    assert!(canvas.draw(&white(LINE, 1.0, 2, &[1.0, 0.0, 0.0, 10.0, 10.0])));
}

#[test]
fn nothing_panics_whatever_the_numbers_are() {
    let mut random = Random::new(3);
    let values = [0.0, -1.0, 1.0, 2.5, 17.0, 1e9, -1e9, 1e300, -1e300, f64::NAN, f64::INFINITY, 4096.0, 16_777_217.0];
    let mut drawn = 0;
    for _ in 0..4000 {
        let mut canvas = Canvas::new(20, 12, 8);
        let mut any = || match random.bits() % 3 {
            0 => values[random.bits() as usize % values.len()],
            _ => random.range(-30.0, 30.0),
        };
        canvas.points = (0..8).map(|_| any()).map(|v| if v.is_finite() { v } else { 0.0 }).collect();
        canvas.glyphs = (0..10).map(|_| any() as i32).collect();
        canvas.atlas = vec![255; 40];
        let mut mark: Vec<f64> = (0..16).map(|_| any()).collect();
        mark[0] = (any().abs() % 4.0).floor();
        (mark[5], mark[6]) = ((any().abs() % 3.0).floor(), (any().abs() % 3.0).floor());
        drawn += usize::from(canvas.draw(&mark));
    }
    assert!(drawn > 100, "{drawn}");
}
