"""The doctor: is all there that a deployment needs, and does what is deployed answer?"""
