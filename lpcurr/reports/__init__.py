"""Reports: one self-contained HTML page, and one picture, of one run or several side by side.

==============  ===================================================================================================
``series``      curves with intervals over the seeds, labels over time, thinning of very long runs
``intervals``   Student's t
``panels``      the pictures: what each shows, its caption, its description in words
``pictures``    panels as inline SVG or as one PNG
``verdict``     the answer in a sentence for each arm, the key figures, and ``result.json``
``page``        the HTML, and all of it together
==============  ===================================================================================================

Needs ``lpcurr[train]`` for matplotlib and YAML.
"""
