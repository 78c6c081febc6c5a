"""Before step 1: made-up customers. Half of them read English, half Chinese."""

from __future__ import annotations

from gridtally.demo.draw import Draw

__all__ = ["REGIONS", "customer"]

REGIONS = ("harbour", "old-town", "hill", "lakeside", "works")

_FIRST = (
    "Ada", "Amelia", "Bruno", "Carla", "Clara", "Daniel", "Dora", "Edgar", "Elena", "Felix",
    "Greta", "Hugo", "Ines", "Ivo", "Jonas", "Julia", "Karl", "Laura", "Leo", "Lucia", "Marta",
    "Milo", "Nina", "Noel", "Olga", "Oscar", "Paula", "Pedro", "Rosa", "Ruben", "Sara", "Simon",
    "Tessa", "Tomas", "Vera", "Victor", "Wanda", "Xavier", "Yara", "Zeno",
)  # fmt: skip
_LAST = (
    "Abbot", "Alder", "Barros", "Becker", "Brook", "Calder", "Castell", "Corwin", "Dale",
    "Duarte", "Ellery", "Farrow", "Fenn", "Garrido", "Hale", "Hartley", "Ilves", "Jarrow",
    "Keller", "Lindqvist", "Marlow", "Moreira", "Nash", "Ortega", "Penrose", "Quill", "Ramos",
    "Sandoval", "Thorne", "Underhill", "Vance", "Weller", "Yarrow", "Zeller",
)  # fmt: skip
_FAMILY = "陈林黄张李王吴刘蔡杨许郑谢郭洪邱曾廖赖徐周叶苏庄吕江何萧罗高"
_GIVEN = "安文明志伟芳丽娜敏静秀英强磊洋艳勇军杰娟涛超霞平刚桂兰玉梅海燕晨曦雨桐子轩欣怡浩然"
_STREETS = ("Harbour Lane", "Lantern Street", "Mill Road", "Orchard Walk", "Quay Street",
            "Saltmarket", "Signal Hill", "Station Road", "Tide Street", "Weavers Row")  # fmt: skip
_ROADS = ("海港路", "灯笼街", "磨坊路", "果园巷", "码头街",
          "盐市街", "信号山路", "车站路", "潮汐街", "织工里")  # fmt: skip
_TRADES = ("Bakery", "Books", "Café", "Cold Store", "Grocery", "Guest House", "Kiosk", "Laundry",
           "Pharmacy", "Restaurant", "Salon", "Workshop")  # fmt: skip
_SHOPS = ("面包店", "书店", "咖啡馆", "冷库", "杂货店", "旅馆",
          "小卖部", "洗衣店", "药房", "餐厅", "理发店", "维修铺")  # fmt: skip
_WORKS = ("Castings", "Ceramics", "Cannery", "Plastics", "Textiles", "Timber", "Glass", "Tools")
_PLANTS = ("铸造厂", "陶瓷厂", "罐头厂", "塑料厂", "纺织厂", "木材厂", "玻璃厂", "工具厂")


def customer(draw: Draw, segment: str, number: int) -> dict[str, str]:
    """Language, name, address and e-mail of one account."""
    language = "zh" if draw.chance(500) else "en"
    which, house = draw.between(0, len(_STREETS) - 1), draw.between(1, 180)
    person = _chinese(draw) if language == "zh" else f"{draw.pick(_FIRST)} {draw.pick(_LAST)}"
    if language == "zh":
        address = f"流明港市{_ROADS[which]}{house}号"
    else:
        address = f"{house} {_STREETS[which]}, Port Lumen"
    names = {"shop": (_TRADES, _SHOPS), "factory": (_WORKS, _PLANTS)}
    if segment in names:
        english, chinese = names[segment]
        what = draw.between(0, len(english) - 1)
        family = person[0] if language == "zh" else person.split()[1]
        person = f"{family}记{chinese[what]}" if language == "zh" else f"{family} {english[what]}"
    email = f"customer{number}@portlumen.example" if draw.chance(600) else ""
    return {"language": language, "name": person, "address": address, "email": email}


def _chinese(draw: Draw) -> str:
    given = draw.pick(_GIVEN) + (draw.pick(_GIVEN) if draw.chance(700) else "")
    return draw.pick(_FAMILY) + given
