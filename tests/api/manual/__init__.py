"""The methods as a manual: a module for each family, a class for each method, a sentence for each rule.

Every test has the literal body of a request and the whole answer. The collections are small, and their vectors, of
length 1 and exact in half precision, lie at distances that can be checked by hand:

    100 · ‖a − b‖ from [1, 0, 0, 0]    to [.5, .5, .5, .5]   100
                                       to [0, 1, 0, 0]       141.421356
                                       to [−.5, .5, .5, .5]  173.205081
                                       to [−1, 0, 0, 0]      200

What holds for all values, orders and sizes is tested beside this folder.
"""
