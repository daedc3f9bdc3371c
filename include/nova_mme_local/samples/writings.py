"""What the sample documents say, written for this project; the people and the places are made up."""

from __future__ import annotations

TASTING_TITLE = "Tasting report: six coffees, two grinders, one morning"

TASTING_METHOD = """
On the first Saturday of the month eight people tasted six coffees without knowing which was which. All six were roasted
within the same week, rested for nine days and ground in the morning. Each coffee was brewed twice, once from each of two
burr grinders, so that twelve cups stood on the table, marked with letters that were drawn from a hat. Nobody who tasted
had seen the draw. The water came from one kettle and was filtered the evening before; it held 80 milligrams of minerals
to the litre, which is soft, but not so soft that the coffee tastes flat.

Every cup was made in the same way. Twelve grams went into a bowl, 200 grams of water at 94 degrees were poured on in one
go, and nobody touched the crust for four minutes. Then it was broken with a spoon, three strokes away from the taster,
and the foam was lifted off. Tasting began after twelve minutes, when the cups had cooled to about 60 degrees, went on at
45 degrees, and ended when they were at the temperature of the room. The last round matters most: a cup that is pleasant
when it is cold hides nothing.

Scores were given for five things: smell, sweetness, acidity, body and what remains after swallowing. Each has ten points,
and five points mean neither good nor bad. The sheets were collected before anyone spoke. Only then were the cups talked
about, and nobody was allowed to change a number afterwards. Two sheets were left out of the sums, because their owners had
mixed up two cups and said so themselves.

The two grinders differ in the width of the cut. The first one makes very even grounds with hardly any dust; the second is
older, its burrs have seen two tonnes of beans, and about a tenth of what it makes is fine enough to pass a tea strainer.
Dust gives up its bitterness in the first half minute, long before the coarse pieces have given their sweetness, so a cup
with much dust can be sour and bitter at once. That was the question behind the morning: would people who do not roast or
brew for a living notice which grinder was used?

They did, but not always. Of sixteen pairs of cups the one from the newer grinder was preferred eleven times, the other one
three times, and twice the taster saw no difference. With the two darkest roasts the choice was no better than a coin. With
the two lightest it was unanimous. The next page has the mean scores of the six coffees as a drawing, and the page after it
has the same numbers in a table, with what people wrote beside them.
"""

TASTING_SCORES = (
    ("Hillside washed", 38.5, 33.0),
    ("Old harbour blend", 29.5, 29.0),
    ("River natural", 41.0, 34.5),
    ("Market house", 31.5, 30.5),
    ("Terrace honey", 36.0, 32.0),
    ("North slope", 34.5, 31.0),
)
"""Coffee, points with the newer grinder, points with the older one; at most 50."""

TASTING_WORDS = (
    "lemon peel, light, a little like tea",
    "dark chocolate, toast, very even",
    "ripe berries, honey, someone wrote jam",
    "nuts, dry, gone soon",
    "apricot, round, sweet to the end",
    "green apple, cold it is the best of all",
)

TASTING_RESULT = """
What we take from it: a light roast deserves a good grinder more than a good kettle, and a dark one forgives both. Whoever
buys one thing this year should have the burrs of the old grinder changed; that costs less than six bags of coffee, and by
the numbers above it is worth four points.

Three things went wrong and will be done differently. The cups were numbered on the side that faced the window, and two
people could read the letters through the porcelain. The river natural was so much louder than the others that whatever was
tasted after it seemed thin; next time it comes last. And eight people are too few: had one of them been ill, half of the
differences in the table would have disappeared into chance. The next tasting is on the first Saturday in March.
"""

RAIN_NOTE = """
RAIN BOOK OF THE ALLOTMENTS

Kept by the gate. Please empty the gauge at eight
in the morning and write down what was in it, also
when it was nothing. A day without a number is not
a dry day, it is a day that nobody looked.

Monday      4 mm   drizzle till noon
Tuesday     0 mm
Wednesday  11 mm   thunder at five, hail like peas
Thursday    2 mm   gauge was leaning, set upright
Friday      0 mm   wind from the east, very dry
Saturday   17 mm   beds 3 and 9 under water
Sunday      1 mm   barrel full, please use it first

Together 35 mm. In the same week of last year it was
8 mm. The water of the barrel by the shed is for the
young trees along the fence; the beans can wait.

The lid of the gauge is lost again. Whoever finds
it, leave it on the bench.
"""

CAT_TITLE = "Looking after the two cats"
CAT_GREETING = (
    "Thank you for looking in while we are away. The key is under the third pot from the left. Both of them will "
    "be at the door and will tell you that they have had nothing for days; do not believe it."
)
CAT_FOOD_TITLE = "Food"
CAT_FOOD = (
    "Weigh it, please: the older one has to lose half a kilogram until the summer. What is left after half an hour goes "
    "away, or the younger one will eat both."
)
CAT_MEALS = (
    ("Meal", "Older cat, grey", "Younger cat, ginger"),
    ("Morning, at seven", "40 grams of wet food", "60 grams of wet food"),
    ("Midday", "nothing", "15 grams of dry food"),
    ("Evening, at six", "45 grams of wet food, with the tablet", "60 grams of wet food"),
)
CAT_HABITS_TITLE = "Habits"
CAT_HABITS = (
    "The ginger one drinks from the tap of the bath only. Let it drip.",
    "The grey one sleeps in the laundry basket. Look before you wash.",
    "Neither may go out while the magpies are nesting.",
)
CAT_VET = (
    "If one of them eats nothing for a whole day, call the practice in Mill Lane; they know about the tablet."
)
