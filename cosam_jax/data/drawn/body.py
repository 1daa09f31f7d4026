"""Draws one walking person: a jointed skeleton, turned to the camera and clothed in a `Look`."""

import math

import numpy as np

from cosam_jax.data.drawn.canvas import Canvas, Pose
from cosam_jax.data.drawn.looks import PALETTE, RGB, Look

_HIP, _SHOULDER = 0.515, 0.815  # Heights of the joints of a person of average legs.
_THIGH, _SHIN, _FOOT = 0.245, 0.235, 0.03
_UPPER_ARM, _FOREARM = 0.155, 0.15


def draw_figure(look: Look, pose: Pose, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
  """Draws `look` in `pose` on an empty frame of `size` (height, width).

  Returns colour times alpha, `float32[height, width, 3]` from 0 to about 255, and alpha,
  `float32[height, width]` from 0 to 1: the share of each pixel that the figure covers.
  """
  canvas = Canvas(size, pose, look.stature)
  joints = _walk(look, pose)
  hip = joints["hip"]
  sides = sorted((1, -1), key=lambda side: canvas.depth((side, 0, 0)))
  facing = canvas.cos >= 0
  far, near = sides

  # Painter's order: parts farther from the camera are drawn first.
  if look.bag == "handbag" and far == 1:
    _bag(canvas, look, joints)
  _arm(canvas, look, joints, far, shade=118)
  if look.bag == "backpack" and facing:
    _backpack(canvas, look, hip)
  legs = sorted((1, -1), key=lambda side: canvas.depth(joints[f"ankle{side}"]))
  for side, shade in zip(legs, (122, 148)):
    _leg(canvas, look, joints, side, shade)
  if look.hair == "long" and canvas.cos > 0.2:
    _long_hair(canvas, look, hip)
  _trunk(canvas, look, joints, facing)
  if look.bag == "backpack" and not facing:
    _backpack(canvas, look, hip)
  _head(canvas, look, hip)
  _arm(canvas, look, joints, near, shade=152)
  if look.bag == "shoulder bag" or (look.bag == "handbag" and near == 1):
    _bag(canvas, look, joints)
  return canvas.layers()


def _walk(look: Look, pose: Pose) -> dict:
  """The joints at this phase of the gait, as body points; `+1` and `-1` are the two sides."""
  legs = look.legs
  hip_half, shoulder_half = 0.05 * look.girth**0.5, 0.104 * look.shoulders
  swings = {side: pose.stride * math.sin(pose.phase + (side < 0) * math.pi) for side in (1, -1)}
  joints: dict = {}
  for side, thigh in swings.items():
    # The knee bends while the thigh swings forward and is almost straight under load.
    lift = max(0.0, math.cos(pose.phase + (side < 0) * math.pi))
    shin = thigh - 0.12 - 1.9 * pose.stride * lift**1.5
    knee = np.array([0, -math.cos(thigh), math.sin(thigh)]) * _THIGH * legs
    ankle = knee + np.array([0, -math.cos(shin), math.sin(shin)]) * _SHIN * legs
    toe = 0.35 * shin + 0.08  # Angle of the foot: the heel leaves the ground behind the body.
    joints[f"knee{side}"], joints[f"ankle{side}"] = knee, ankle
    joints[f"toe{side}"] = ankle + np.array([0.012 * side, math.sin(toe) * 0.085, 0.085]) * 1.0
  # The hip rides on the lower ankle, which gives the walk its rise and fall.
  hip = _FOOT - min(joints["ankle1"][1], joints["ankle-1"][1])
  joints["hip"] = hip
  for name in list(joints):
    if name != "hip":
      side = -1 if name.endswith("-1") else 1
      joints[name] = joints[name] + np.array([hip_half * side, hip, 0])
  lift_of_shoulder = hip - _HIP + _SHOULDER
  for side in (1, -1):
    joints[f"hip{side}"] = np.array([hip_half * side, hip, 0.0])
    arm = -0.85 * swings[side]
    fore = arm + 0.25 + 0.45 * max(0.0, arm)
    shoulder = np.array([shoulder_half * side, lift_of_shoulder - 0.022, 0.0])
    elbow = shoulder + _UPPER_ARM * np.array([0.16 * side, -math.cos(arm), math.sin(arm)])
    hand = elbow + _FOREARM * np.array([0.02 * side, -math.cos(fore), math.sin(fore)])
    joints |= {f"shoulder{side}": shoulder, f"elbow{side}": elbow, f"hand{side}": hand}
  return joints


def _leg(canvas: Canvas, look: Look, joints: dict, side: int, shade: int) -> None:
  hip, knee, ankle = (joints[f"{name}{side}"] for name in ("hip", "knee", "ankle"))
  g, cloth = look.girth, PALETTE[look.lower]
  shoe = PALETTE[look.shoes]
  heel = ankle + np.array([0, -0.008, -0.012])
  canvas.limb(heel, joints[f"toe{side}"], (0.024, 0.019), shoe, shade)
  bare = look.lower_kind != "trousers"
  canvas.limb(knee, ankle, (0.038 * g, 0.021 * g**0.5), look.skin if bare else cloth, shade)
  if bare:
    canvas.limb(hip, knee, (0.055 * g, 0.038 * g), look.skin, shade)
  else:  # A hem a little wider than the ankle.
    canvas.limb(knee, ankle + 0.14 * (knee - ankle), (0.043 * g, 0.033 * g**0.5), cloth, shade)
  if look.lower_kind == "shorts":
    canvas.limb(hip, hip + 0.86 * (knee - hip), (0.062 * g, 0.054 * g), cloth, shade)
  elif look.lower_kind == "trousers":
    canvas.limb(hip, knee, (0.06 * g, 0.044 * g), cloth, shade)


def _arm(canvas: Canvas, look: Look, joints: dict, side: int, shade: int) -> None:
  shoulder, elbow, hand = (joints[f"{name}{side}"] for name in ("shoulder", "elbow", "hand"))
  g, cloth = look.girth**0.8, PALETTE[look.upper]
  canvas.limb(elbow, hand, (0.025 * g, 0.018 * g), look.skin, shade)
  canvas.blob(hand + 0.1 * (hand - elbow), (0.02, 0.024), look.skin, shade)
  if look.long_sleeves:
    canvas.limb(elbow, elbow + 0.92 * (hand - elbow), (0.03 * g, 0.024 * g), cloth, shade)
    canvas.limb(shoulder, elbow, (0.033 * g, 0.031 * g), cloth, shade)
  else:
    canvas.limb(shoulder, elbow, (0.031 * g, 0.026 * g), look.skin, shade)
    hem = shoulder + 0.66 * (elbow - shoulder)
    canvas.limb(shoulder, hem, (0.035 * g, 0.036 * g), cloth, shade)
  if look.pattern == "hoops":
    for at in (0.35, 0.62) if not look.long_sleeves else (0.3, 0.6, 0.9):
      p = shoulder + at * (elbow - shoulder)
      q = p + 0.1 * (elbow - shoulder)
      canvas.limb(p, q, (0.03 * g, 0.03 * g), PALETTE[look.accent], shade)


def _rings(rows, hip: float) -> np.ndarray:
  """Rows (height over the hip, half width, half depth[, z]) as rings of a barrel."""
  return np.array([[hip + r[0], r[1], r[2], 0.0, r[3] if len(r) > 3 else 0.0] for r in rows])


def _trunk(canvas: Canvas, look: Look, joints: dict, facing: bool) -> None:
  hip, g, s = joints["hip"], look.girth, look.shoulders
  lower = PALETTE[look.lower]
  waist = [
    (0.07, 0.085 * g, 0.066 * g),
    (0.0, 0.1 * g**0.8, 0.075 * g),
    (-0.04, 0.098 * g**0.8, 0.07 * g),
  ]
  if look.lower_kind == "skirt":
    # The hem gives way to the legs, as cloth does.
    spread = abs(joints["knee1"][2] - joints["knee-1"][2]) / 2
    waist = waist[:2] + [(-0.2, 0.12 * g**0.7, 0.07 * g**0.5 + spread)]
  canvas.barrel(_rings(waist, hip), lower)
  canvas.limb((0, hip + 0.33, 0.0), (0, hip + 0.39, 0.012), (0.034, 0.03), look.skin, 130)
  hem = [(-0.15, 0.12 * g**0.8, 0.095 * g)] if look.coat else [(-0.012, 0.102 * g**0.8, 0.08 * g)]
  rows = [
    (0.338, 0.04, 0.035),
    (0.322, 0.085 * s, 0.05),
    (0.285, 0.122 * s, 0.06 * g**0.7),
    (0.2, 0.112 * (s * g) ** 0.5, 0.075 * g**0.8),
    (0.1, 0.092 * g**0.8, 0.07 * g),
    (0.02, 0.1 * g**0.8, 0.077 * g),
  ]
  upper, accent = PALETTE[look.upper], PALETTE[look.accent]
  barrel = canvas.barrel(_rings(rows + hem, hip), upper)
  if look.pattern in ("hoops", "plaid"):
    for top in np.arange(0.14, 0.97, 0.16):
      barrel.band(top, min(1.0, top + (0.08 if look.pattern == "hoops" else 0.05)), accent)
  if look.pattern in ("pinstripes", "plaid"):
    for angle in np.arange(-math.pi, math.pi, math.pi / 6):
      barrel.strip((angle - 0.09, angle + 0.09), accent)
  elif look.pattern == "block":
    barrel.band(0.46, 1.0, accent)
  elif look.pattern == "jacket":
    barrel.strip((-0.42, 0.42), accent, 0.02)
  elif look.pattern == "print":
    barrel.strip((-0.6, 0.6), accent, 0.26, 0.52)
    barrel.strip((math.pi - 0.5, math.pi + 0.5), accent, 0.22, 0.36)
  if look.bag == "backpack" and facing:
    for angle in (0.62, -0.62):
      barrel.strip((angle - 0.14, angle + 0.14), PALETTE[look.bag_colour], 0.03, 0.62)
  if look.bag == "shoulder bag":
    _strap(canvas, look, joints)


def _strap(canvas: Canvas, look: Look, joints: dict) -> None:
  """A strap from one shoulder across chest and back to the bag at the other hip."""
  deep = 0.075 * look.girth * (1 if canvas.cos >= 0 else -1)
  top = joints["shoulder-1"] * np.array([0.6, 1, 0]) + np.array([0, 0.02, 0.5 * deep])
  middle = np.array([0.0, joints["hip"] + 0.17, deep])
  end = np.array([0.1 * look.girth, joints["hip"] + 0.03, 0.5 * deep])
  colour = PALETTE[look.bag_colour]
  canvas.limb(top, middle, (0.011, 0.011), colour)
  canvas.limb(middle, end, (0.011, 0.011), colour)


def _bag(canvas: Canvas, look: Look, joints: dict) -> None:
  """A bag at the hip, or in the left hand."""
  colour = PALETTE[look.bag_colour]
  if look.bag == "handbag":
    hand = joints["hand1"]
    canvas.limb(hand, hand - np.array([0, 0.035, 0]), (0.008, 0.03), colour, 120)
    at, half, deep, tall = hand[1] - 0.04, 0.022, 0.07, 0.12
    x, z = hand[0], hand[2]
  else:
    at, half, deep, tall = joints["hip"] + 0.05, 0.024, 0.075, 0.11
    x, z = 0.105 * look.girth + 0.02, 0.01
    if canvas.depth((x, 0, z)) < -0.05:
      return  # Hidden behind the hip.
  rows = [(at, half, 0.9 * deep), (at - 0.02, half, deep), (at - tall, half, deep)]
  bag = canvas.barrel(np.array([(*row, x, z) for row in rows]), colour)
  bag.band(0.0, 0.3, _darker(colour))


def _backpack(canvas: Canvas, look: Look, hip: float) -> None:
  back = -0.075 * look.girth**0.9 - 0.035
  rows = [(0.32, 0.05, 0.03), (0.295, 0.078, 0.045), (0.1, 0.085, 0.055), (0.07, 0.07, 0.045)]
  colour = PALETTE[look.bag_colour]
  pack = canvas.barrel(_rings([(*row, back) for row in rows], hip), colour)
  pack.strip((math.pi - 0.75, math.pi + 0.75), _darker(colour), 0.55, 0.9)
  pack.band(0.28, 0.33, _darker(colour))


def _long_hair(canvas: Canvas, look: Look, hip: float) -> None:
  """Hair to the shoulders: behind the trunk when the person faces the camera, else over it."""
  top = np.array([0, hip + 0.43, -0.004])
  canvas.limb(top, top - np.array([0, 0.115, 0.028]), (0.05, 0.06), look.hair_colour, 130)


def _head(canvas: Canvas, look: Look, hip: float) -> None:
  ahead, turn = canvas.cos, canvas.sin
  centre = np.array([0, hip + 0.427, 0.014])
  rx = 0.047 + 0.007 * abs(turn)
  ry = 0.064
  hair = look.skin if look.hair == "bald" else look.hair_colour
  if look.hair == "long" and ahead <= 0.2:
    _long_hair(canvas, look, hip)
  elif look.hair == "ponytail":
    tail = centre + np.array([0, 0.03, -0.06])
    if ahead < 0.5:
      canvas.limb(tail, tail - np.array([0, 0.115, 0.025]), (0.02, 0.014), hair, 125)
  for side in (1, -1):
    if look.hair != "long":
      canvas.blob(centre + np.array([0.047 * side, -0.01, -0.01]), (0.011, 0.017), look.skin, 125)
  canvas.blob(centre, (rx, ry), hair, 128)
  # The face is the part of the head that is turned to the camera.
  half = rx * (0.9 - 0.3 * abs(turn)) * (1.0 if ahead >= 0 else max(0.0, 1 + 1.6 * ahead))
  if half > 0.006:
    shift = turn * (rx - half) * 0.98
    canvas.blob(centre, (half, ry * 0.8), look.skin, 150, offset=(shift, ry * 0.19))
    if ahead > 0.35:
      for side in (-1, 1):
        eye = (shift + side * half * 0.42, ry * 0.12)
        canvas.blob(centre, (0.006, 0.0045), _darker(_darker(look.skin)), 110, offset=eye)
      canvas.blob(centre, (0.012, 0.004), _darker(look.skin), 130, offset=(shift, ry * 0.62))
    elif ahead > -0.2:
      nose = (shift + math.copysign(half * 0.95, turn), ry * 0.28)
      canvas.blob(centre, (0.009, 0.009), look.skin, 140, offset=nose)
  if look.hat != "none":
    _hat(canvas, look, centre, rx, ry)


def _hat(canvas: Canvas, look: Look, centre: np.ndarray, rx: float, ry: float) -> None:
  colour = PALETTE[look.hat_colour]
  y = centre[1]
  rows = [(1.12, 0.35), (1.02, 0.75), (0.7, 1.02), (0.3, 1.1)]
  crown = canvas.barrel(
    np.array([[y + h * ry, w * rx, w * rx, 0, centre[2]] for h, w in rows]), colour
  )
  if look.hat == "beanie":
    crown.band(0.72, 1.0, _darker(colour))
  elif canvas.cos > -0.5:
    brim = np.array([0, y + ry * 0.34, centre[2] + rx * 0.9])
    canvas.blob(brim, (rx * (0.6 + 0.4 * abs(canvas.cos)), 0.014), _darker(colour), 130)


def _darker(colour: RGB) -> RGB:
  red, green, blue = (int(c * 0.68) for c in colour)
  return red, green, blue
